-- Directories that belong to an app and outlive its releases; destroyed ones stay for a while.
CREATE TABLE volumes (
    id TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    trashed_at TEXT,
    trashed_by TEXT
) STRICT;
-- Only one volume of a name is in use.
CREATE UNIQUE INDEX volumes_in_use ON volumes (app, name) WHERE trashed_at IS NULL;

-- The VOLUME paths that the image declares.
ALTER TABLE releases ADD COLUMN image_volumes TEXT NOT NULL DEFAULT '[]';
-- Whether destroying an app deletes its volumes at once.
ALTER TABLE operations ADD COLUMN purges INTEGER NOT NULL DEFAULT 0;
