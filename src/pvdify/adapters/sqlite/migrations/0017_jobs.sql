-- Scheduled jobs: until when due times are accounted for, and each run.
CREATE TABLE job_records (
    app TEXT NOT NULL,
    job TEXT NOT NULL,
    schedule TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    accounted TEXT NOT NULL,
    since TEXT NOT NULL,
    last_number INTEGER NOT NULL,
    is_paused INTEGER NOT NULL,
    paused_by TEXT NOT NULL,
    last_success TEXT,
    last_seconds TEXT,
    is_overdue INTEGER NOT NULL,
    counts TEXT NOT NULL,
    PRIMARY KEY (app, job)
) STRICT;

CREATE TABLE job_runs (
    app TEXT NOT NULL,
    job TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    due_at TEXT,
    last_due_at TEXT,
    due_count INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    release INTEGER,
    started_at TEXT,
    ended_at TEXT,
    exit_code INTEGER,
    is_out_of_memory INTEGER NOT NULL,
    cause TEXT NOT NULL,
    interrupted_by TEXT NOT NULL,
    PRIMARY KEY (app, job, number)
) STRICT;
CREATE INDEX job_runs_unsettled ON job_runs (app) WHERE state IN ('due', 'running');
-- No due time has two runs, whatever the clock did.
CREATE UNIQUE INDEX job_runs_due ON job_runs (app, job, due_at)
    WHERE due_at IS NOT NULL AND state NOT IN ('missed', 'skipped');
