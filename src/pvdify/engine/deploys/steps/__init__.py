"""The steps: one file a subject, the undo beside its step."""
