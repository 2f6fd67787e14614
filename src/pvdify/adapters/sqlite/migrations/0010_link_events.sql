-- What may start a linked workflow, and which file it must be.
ALTER TABLE links ADD COLUMN events TEXT NOT NULL DEFAULT '["push","workflow_dispatch","schedule","release"]';
ALTER TABLE links ADD COLUMN workflow TEXT;
