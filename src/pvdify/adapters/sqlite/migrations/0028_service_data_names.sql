-- What the user and the database in a service are called, where they came with the data of another one.
ALTER TABLE services ADD COLUMN data_name TEXT NOT NULL DEFAULT '';
