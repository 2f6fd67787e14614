-- Where the request came from that an event is about.
ALTER TABLE events ADD COLUMN address TEXT NOT NULL DEFAULT '';
