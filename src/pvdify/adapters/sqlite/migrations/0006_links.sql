-- Which repository may deploy which app without a stored secret.

CREATE TABLE links (
    app TEXT NOT NULL,
    repository TEXT NOT NULL,
    repository_id INTEGER NOT NULL,
    owner_id INTEGER NOT NULL,
    branch TEXT NOT NULL,
    environment TEXT,
    allows_previews INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (app, repository_id)
) STRICT;

-- Workflows' tokens that were exchanged: each is good once.
CREATE TABLE used_identities (
    id TEXT PRIMARY KEY,
    expires_at TEXT NOT NULL
) STRICT;
