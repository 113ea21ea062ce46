-- What has ended, in the order in which it was written down, and how far each webhook was told of it.
CREATE TABLE endings (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX endings_by_event ON endings (event, number);
CREATE TRIGGER staging_job_ended AFTER UPDATE OF ended ON staging_jobs
WHEN NEW.ended IS NOT NULL AND OLD.ended IS NULL
BEGIN
    INSERT INTO endings (event, id, at) VALUES ('staging-job', NEW.id, NEW.ended);
END;
CREATE TRIGGER datalab_ended AFTER UPDATE OF ended ON datalabs
WHEN NEW.ended IS NOT NULL AND OLD.ended IS NULL
BEGIN
    INSERT INTO endings (event, id, at) VALUES ('datalab', NEW.id, NEW.ended);
END;
CREATE TABLE webhooks (
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    url TEXT NOT NULL,
    told BIGINT NOT NULL,
    leased_by TEXT NOT NULL DEFAULT '',
    leased_until BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (name, event)
);
