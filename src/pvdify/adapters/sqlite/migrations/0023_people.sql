-- People who use the dashboard, and the browsers that signed in.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    app TEXT,
    email TEXT NOT NULL,
    github TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    invitation TEXT NOT NULL,
    invited_until TEXT,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    last_seen_at TEXT,
    removed_at TEXT
) STRICT;
-- A name means one person, and so does an account at a provider.
CREATE UNIQUE INDEX users_by_name ON users (name COLLATE NOCASE) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX users_by_account ON users (issuer, subject) WHERE removed_at IS NULL AND subject != '';

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    holder TEXT NOT NULL,
    name TEXT NOT NULL,
    way TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;
CREATE INDEX sessions_of_holder ON sessions (kind, holder) WHERE revoked_at IS NULL;
