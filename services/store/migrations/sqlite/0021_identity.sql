-- Whom the providers of identity vouch for.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    owner TEXT NOT NULL REFERENCES users (id),
    created BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- Logins at a provider that are under way: by the state that went there, for the browser that began.
CREATE TABLE provider_logins (
    state_hash TEXT PRIMARY KEY,
    browser_hash TEXT NOT NULL,
    provider TEXT NOT NULL,
    secret TEXT NOT NULL,
    next TEXT NOT NULL,
    expires BIGINT NOT NULL
);

-- Of a session that a provider vouches for: which one, its tokens sealed, when it is to be asked again.
ALTER TABLE sessions ADD COLUMN provider TEXT;
ALTER TABLE sessions ADD COLUMN secret TEXT;
ALTER TABLE sessions ADD COLUMN check_at BIGINT;
CREATE INDEX sessions_by_owner ON sessions (owner);
