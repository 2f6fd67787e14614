-- Backups: where they go and when, what was stored, and what is done with them.
CREATE TABLE backup_plans (
    name TEXT PRIMARY KEY,
    location TEXT NOT NULL,
    repository TEXT NOT NULL,
    schedule TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    drills TEXT NOT NULL,
    keep TEXT NOT NULL,
    set_at TEXT NOT NULL,
    set_by TEXT NOT NULL,
    accounted TEXT NOT NULL,
    drills_accounted TEXT NOT NULL,
    size INTEGER,
    trouble TEXT NOT NULL
) STRICT;

CREATE TABLE backups (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    made_at TEXT NOT NULL,
    made_by TEXT NOT NULL,
    ended_at TEXT,
    items TEXT NOT NULL,
    cause TEXT NOT NULL,
    drilled_at TEXT,
    proven_at TEXT,
    proof TEXT NOT NULL
) STRICT;
CREATE INDEX backups_made_at ON backups (made_at);

CREATE TABLE backup_tasks (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    backup TEXT NOT NULL,
    wanted TEXT,
    undo TEXT NOT NULL,
    accepts_smaller INTEGER NOT NULL,
    ended_at TEXT,
    log TEXT NOT NULL,
    cause TEXT NOT NULL
) STRICT;
