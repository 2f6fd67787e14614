-- A preview's row is written before anything of it is made, and goes with the last of it.

CREATE TABLE previews (
    name TEXT PRIMARY KEY,
    parent TEXT NOT NULL,
    number INTEGER NOT NULL,
    repository TEXT,
    created_at TEXT NOT NULL,
    renewed_at TEXT NOT NULL,
    closed_at TEXT,
    ends_at TEXT NOT NULL,
    known_at TEXT,
    asked_at TEXT,
    lease TEXT NOT NULL,
    close_delay TEXT NOT NULL
) STRICT;
