-- Times are ISO 8601 text in UTC; documents are JSON text.

CREATE TABLE apps (
    name TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    is_in_maintenance INTEGER NOT NULL
) STRICT;

CREATE TABLE releases (
    app TEXT NOT NULL,
    version INTEGER NOT NULL,
    image TEXT NOT NULL,
    digest TEXT,
    image_id TEXT,
    port INTEGER,
    config_version INTEGER NOT NULL,
    manifest TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    description TEXT NOT NULL,
    source TEXT NOT NULL,
    slot INTEGER,
    repeats INTEGER,
    was_live INTEGER NOT NULL,
    failure TEXT,
    receipt TEXT,
    PRIMARY KEY (app, version)
) STRICT;

-- Whatever goes wrong, an app never has two releases that serve.
CREATE UNIQUE INDEX one_active_release ON releases (app) WHERE status = 'active';

CREATE TABLE switch_counts (
    app TEXT NOT NULL,
    release INTEGER NOT NULL,
    served INTEGER NOT NULL,
    router_errors INTEGER NOT NULL,
    app_errors INTEGER NOT NULL,
    cut INTEGER NOT NULL,
    is_final INTEGER NOT NULL,
    PRIMARY KEY (app, release)
) STRICT;

CREATE TABLE slots (
    app TEXT NOT NULL,
    number INTEGER NOT NULL,
    colour TEXT NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    placements TEXT NOT NULL,
    PRIMARY KEY (app, number)
) STRICT;

CREATE TABLE operations (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    app TEXT NOT NULL,
    release INTEGER,
    previous INTEGER,
    slot INTEGER,
    baseline TEXT,
    state TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    is_cancel_requested INTEGER NOT NULL,
    error TEXT,
    steps TEXT NOT NULL
) STRICT;

CREATE INDEX operations_by_state ON operations (state, created_at);

CREATE TABLE config_versions (
    app TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    set_keys TEXT NOT NULL,
    unset_keys TEXT NOT NULL,
    PRIMARY KEY (app, version)
) STRICT;

CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    app TEXT,
    digest TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at TEXT,
    last_used_at TEXT,
    revoked_at TEXT
) STRICT;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    app TEXT,
    release INTEGER,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX events_by_app ON events (app, id);

CREATE TABLE idempotent_requests (
    key TEXT NOT NULL,
    actor TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    app TEXT NOT NULL,
    release INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (key, actor)
) STRICT;
