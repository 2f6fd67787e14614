-- Names that apps had before they were renamed. They stay theirs: containers and logs from then carry them.
CREATE TABLE former_names (
    name TEXT PRIMARY KEY,
    app TEXT NOT NULL,
    since TEXT NOT NULL
) STRICT;
