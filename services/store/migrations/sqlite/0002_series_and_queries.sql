-- Series and queries. Which series an asset is a member of, and what a series stands for, summed up from its members.

ALTER TABLE assets ADD COLUMN series TEXT;
ALTER TABLE assets ADD COLUMN size_bytes BIGINT;
ALTER TABLE assets ADD COLUMN members TEXT;
CREATE INDEX assets_by_series ON assets (series, id);

-- Series whose members changed since they were summed up.
CREATE TABLE series_changed (series TEXT PRIMARY KEY);

-- The runs of a query are versions of its asset; how many rows each gave.
ALTER TABLE versions ADD COLUMN n_rows BIGINT;
ALTER TABLE staging_files ADD COLUMN n_rows BIGINT;
