-- Keys that people's devices keep; here is what checks their signatures.
CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    public_key TEXT NOT NULL,
    uses INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT
) STRICT;
CREATE INDEX passkeys_of_user ON passkeys (user);
