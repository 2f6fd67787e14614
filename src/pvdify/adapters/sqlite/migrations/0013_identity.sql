-- The database's own id: containers carry it as a label, and the data directory has it in database.id.
-- is_apart: it was begun anew beside the containers of an earlier database.
CREATE TABLE identity (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    id TEXT NOT NULL,
    is_apart INTEGER NOT NULL
) STRICT;

INSERT INTO identity VALUES (1, lower(hex(randomblob(8))), 0);
