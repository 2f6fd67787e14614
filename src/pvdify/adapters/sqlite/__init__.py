"""The ``store`` port, and the smaller ports on the same database, on SQLite.

May import: ports, model, settings, errors, pydantic.
"""
