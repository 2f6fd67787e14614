-- How a release takes the place of another: beside it, or after it has stopped.
ALTER TABLE operations ADD COLUMN strategy TEXT NOT NULL DEFAULT 'blue-green';
