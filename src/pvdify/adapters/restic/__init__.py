"""The ``backups`` port on restic: one process for each question, its password and keys in its environment alone.

May import: ``ports``, ``model`` and ``errors``.
"""
