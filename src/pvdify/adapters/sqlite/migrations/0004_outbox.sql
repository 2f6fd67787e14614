-- Who is told of what happens here, and what became of each telling. How far events have been read is a cursor, so
-- that whatever writes an event need know nothing of who listens.

CREATE TABLE subscriptions (
    id TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    app TEXT,
    events TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    subscription TEXT NOT NULL,
    notice TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    ended_at TEXT,
    status INTEGER,
    error TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'pending';
CREATE INDEX deliveries_by_subscription ON deliveries (subscription, created_at);

CREATE TABLE cursors (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
