-- The login of a user at an archive; the password is sealed for the id of its row.
CREATE TABLE archive_logins (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    archive TEXT NOT NULL,
    username TEXT NOT NULL,
    secret TEXT NOT NULL,
    changed BIGINT NOT NULL,
    UNIQUE (owner, archive)
);
