-- Hostnames that were given to an app by hand, as a JSON list.
ALTER TABLE apps ADD COLUMN domains TEXT NOT NULL DEFAULT '[]';
