-- The container runtime of each slot; '' until pvdifyd records the runtime of its settings at its next start.
ALTER TABLE slots ADD COLUMN runtime TEXT NOT NULL DEFAULT '';
CREATE TABLE runtime_choices (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    before TEXT NOT NULL,
    state TEXT NOT NULL,
    chosen_at TEXT NOT NULL,
    chosen_by TEXT NOT NULL
) STRICT;
