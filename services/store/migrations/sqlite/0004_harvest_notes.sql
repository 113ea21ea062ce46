-- What harvests note for the harvests after them: of an archive those that came to their end, and of a harvest those
-- that count when it comes to its end. A note without text takes back what was noted before.
CREATE TABLE archive_notes (
    archive TEXT NOT NULL,
    about TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (archive, about)
);

CREATE TABLE harvest_notes (
    harvest TEXT NOT NULL REFERENCES harvests (id),
    about TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (harvest, about)
);
