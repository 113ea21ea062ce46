-- Clicks on portals: where the work that a click started is shown.
ALTER TABLE intents ADD COLUMN leads_to TEXT;
CREATE INDEX intents_by_expiry ON intents (expires);

-- Signed hand-overs that came, each with the click it became: the same one again finds the same click.
CREATE TABLE handovers (
    portal TEXT NOT NULL,
    jti TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    intent TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (portal, jti)
);

-- Whom a portal's pseudonyms stand for: the user who took the first hand-over of each.
CREATE TABLE portal_subjects (
    portal TEXT NOT NULL,
    subject_hash TEXT NOT NULL,
    owner TEXT NOT NULL REFERENCES users (id),
    created BIGINT NOT NULL,
    PRIMARY KEY (portal, subject_hash)
);

-- How often which button of which portal was pressed on a day; nothing about who pressed it.
CREATE TABLE portal_clicks (
    day TEXT NOT NULL,
    portal TEXT NOT NULL,
    action TEXT NOT NULL,
    n BIGINT NOT NULL,
    PRIMARY KEY (day, portal, action)
);
