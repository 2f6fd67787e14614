"""The ``store`` port on SQLite. May import: ports, model, settings, errors, pydantic."""
