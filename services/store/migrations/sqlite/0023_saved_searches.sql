-- Searches that users keep, and up to which change of the catalogue they have seen what is found.
CREATE TABLE saved_searches (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    search TEXT NOT NULL,
    seen_change BIGINT NOT NULL,
    created BIGINT NOT NULL,
    seen BIGINT NOT NULL
);
CREATE INDEX saved_searches_by_owner ON saved_searches (owner, created);
