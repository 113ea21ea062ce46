-- Volumes that are storage elsewhere, and those the operator lists. A secret is sealed for the id of its volume.

ALTER TABLE volumes ADD COLUMN address TEXT;
ALTER TABLE volumes ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
ALTER TABLE volumes ADD COLUMN secret TEXT;
ALTER TABLE volumes ADD COLUMN catalogue TEXT;
ALTER TABLE volumes ADD COLUMN trouble TEXT;

-- The shared cache: what of which version of which asset lies there, and how it was verified when it came.
CREATE TABLE cached_files (
    asset TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    verified_by TEXT NOT NULL,
    warnings TEXT NOT NULL,
    PRIMARY KEY (asset, version, name)
);
CREATE INDEX cached_files_by_hash ON cached_files (sha256);

-- The bytes themselves, each once, by their hash.
CREATE TABLE cached_bytes (
    sha256 TEXT PRIMARY KEY,
    size_bytes BIGINT NOT NULL,
    modified_ns BIGINT NOT NULL,
    inode BIGINT NOT NULL,
    used BIGINT NOT NULL,
    checked BIGINT NOT NULL
);
CREATE INDEX cached_bytes_by_use ON cached_bytes (used);

-- What is needed to go on with a part in the cache, whichever job began it.
CREATE TABLE cached_parts (
    asset TEXT NOT NULL,
    version BIGINT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (asset, version, name)
);

-- Whoever has fewest jobs under way comes first.
CREATE INDEX staging_jobs_by_owner_phase ON staging_jobs (owner, phase);
