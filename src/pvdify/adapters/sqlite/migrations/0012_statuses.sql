-- What an app's status was when it last changed, and who changed what decides it.
CREATE TABLE noted_statuses (
    app TEXT PRIMARY KEY,
    release INTEGER,
    word TEXT NOT NULL,
    cause TEXT NOT NULL,
    since TEXT NOT NULL,
    is_announced INTEGER NOT NULL
) STRICT;

ALTER TABLE scales ADD COLUMN changed_by TEXT;
ALTER TABLE scales ADD COLUMN changed_at TEXT;
ALTER TABLE apps ADD COLUMN maintenance_by TEXT;
ALTER TABLE apps ADD COLUMN maintenance_since TEXT;
