-- How many instances were chosen besides the manifest's counts, and operations that change what runs.

CREATE TABLE scales (
    app TEXT PRIMARY KEY,
    chosen TEXT NOT NULL,
    is_stopped INTEGER NOT NULL
) STRICT;

ALTER TABLE operations ADD COLUMN change TEXT;
