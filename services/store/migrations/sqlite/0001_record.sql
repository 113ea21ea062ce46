-- The record of truth. Times are milliseconds since 1970 in UTC; an owner is null where the thing is everybody's.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE counter (id BIGINT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counter (id, value) VALUES (1, 0);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    operator BIGINT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    datalab TEXT,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    csrf TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE logins (
    hash TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    expires BIGINT NOT NULL
);

CREATE TABLE assets (
    id TEXT PRIMARY KEY,
    archive TEXT NOT NULL,
    owner TEXT REFERENCES users (id),
    content_hash TEXT NOT NULL,
    version BIGINT NOT NULL,
    version_hash TEXT NOT NULL,
    body TEXT NOT NULL,
    change BIGINT NOT NULL,
    seen TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    withdrawn BIGINT
);
CREATE UNIQUE INDEX assets_by_change ON assets (change);
CREATE INDEX assets_by_archive ON assets (archive, id);

CREATE TABLE versions (
    asset TEXT NOT NULL REFERENCES assets (id),
    version BIGINT NOT NULL,
    hash TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (asset, version)
);

CREATE TABLE files (
    asset TEXT NOT NULL,
    version BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (asset, version, position)
);
CREATE INDEX files_by_name ON files (name, asset);

CREATE TABLE harvests (
    id TEXT PRIMARY KEY,
    archive TEXT NOT NULL,
    phase TEXT NOT NULL,
    created BIGINT NOT NULL,
    started BIGINT NOT NULL,
    ended BIGINT,
    resume_at TEXT,
    n_new BIGINT NOT NULL DEFAULT 0,
    n_changed BIGINT NOT NULL DEFAULT 0,
    n_unchanged BIGINT NOT NULL DEFAULT 0,
    n_withdrawn BIGINT NOT NULL DEFAULT 0,
    n_rejected BIGINT NOT NULL DEFAULT 0,
    n_withdrawals_waiting BIGINT NOT NULL DEFAULT 0,
    message TEXT,
    lease_owner TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    lease_epoch BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX harvests_by_archive ON harvests (archive, created);

CREATE TABLE harvest_scopes (
    harvest TEXT NOT NULL REFERENCES harvests (id),
    scope TEXT NOT NULL,
    PRIMARY KEY (harvest, scope)
);

CREATE TABLE rejections (
    harvest TEXT NOT NULL REFERENCES harvests (id),
    what TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (harvest, what)
);

CREATE TABLE intents (
    id TEXT PRIMARY KEY,
    owner TEXT REFERENCES users (id),
    action TEXT NOT NULL,
    body TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE idempotency (
    owner TEXT NOT NULL REFERENCES users (id),
    route TEXT NOT NULL,
    name TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status BIGINT,
    answer TEXT,
    created BIGINT NOT NULL,
    PRIMARY KEY (owner, route, name)
);

CREATE TABLE selections (
    id TEXT PRIMARY KEY,
    owner TEXT REFERENCES users (id),
    change BIGINT NOT NULL,
    n_assets BIGINT NOT NULL,
    n_files BIGINT NOT NULL,
    size_bytes BIGINT,
    gaps TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE selection_assets (
    selection TEXT NOT NULL REFERENCES selections (id),
    position BIGINT NOT NULL,
    asset TEXT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (selection, position)
);

CREATE TABLE volumes (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT NOT NULL,
    permanent BIGINT NOT NULL,
    created BIGINT NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE staged_files (
    volume TEXT NOT NULL REFERENCES volumes (id),
    path TEXT NOT NULL,
    asset TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    method TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    sha256 TEXT,
    verified_by TEXT NOT NULL,
    staged BIGINT NOT NULL,
    PRIMARY KEY (volume, path)
);

CREATE TABLE staging_jobs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    selection TEXT NOT NULL REFERENCES selections (id),
    volume TEXT NOT NULL REFERENCES volumes (id),
    phase TEXT NOT NULL,
    request TEXT NOT NULL,
    wanted TEXT,
    waiting_for TEXT NOT NULL DEFAULT '[]',
    message TEXT,
    bytes_moved BIGINT NOT NULL DEFAULT 0,
    created BIGINT NOT NULL,
    started BIGINT,
    ended BIGINT,
    lease_owner TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    lease_epoch BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX staging_jobs_by_phase ON staging_jobs (phase, created);
CREATE INDEX staging_jobs_by_owner ON staging_jobs (owner, created);

CREATE TABLE staging_files (
    job TEXT NOT NULL REFERENCES staging_jobs (id),
    position BIGINT NOT NULL,
    asset TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    path TEXT,
    size_bytes BIGINT,
    bytes_done BIGINT NOT NULL DEFAULT 0,
    resume TEXT,
    outcome TEXT,
    method TEXT,
    sha256 TEXT,
    verified_by TEXT,
    warnings TEXT NOT NULL DEFAULT '[]',
    reason TEXT,
    retry_may_help BIGINT,
    PRIMARY KEY (job, position)
);

CREATE TABLE datalabs (
    id TEXT PRIMARY KEY,
    owner TEXT NOT NULL REFERENCES users (id),
    lab TEXT NOT NULL,
    name TEXT NOT NULL,
    phase TEXT NOT NULL,
    request TEXT NOT NULL,
    selection TEXT REFERENCES selections (id),
    staging_job TEXT REFERENCES staging_jobs (id),
    notebook TEXT,
    running TEXT,
    secret TEXT,
    waiting_for TEXT NOT NULL DEFAULT '[]',
    message TEXT,
    stop_wanted BIGINT NOT NULL DEFAULT 0,
    auto_remove BIGINT NOT NULL,
    created BIGINT NOT NULL,
    ready BIGINT,
    last_activity BIGINT,
    expires BIGINT,
    ended BIGINT,
    lease_owner TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    lease_epoch BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX datalabs_by_phase ON datalabs (phase, created);
CREATE INDEX datalabs_by_owner ON datalabs (owner, created);

CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL
);
