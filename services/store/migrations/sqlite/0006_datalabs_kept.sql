-- Until when a datalab is not stopped for want of use, and whether its owner took it off the list after its end.
ALTER TABLE datalabs ADD COLUMN kept_until BIGINT;
ALTER TABLE datalabs ADD COLUMN removed BIGINT NOT NULL DEFAULT 0;
