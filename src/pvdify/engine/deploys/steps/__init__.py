"""The steps of all plans, one file per subject; the undo function of a step is in the same file."""
