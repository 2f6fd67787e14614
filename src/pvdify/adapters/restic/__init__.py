"""The ``backups`` port on restic. Each call starts one process, with password and keys only in its environment.

May import: ``plumbing``, ``ports``, ``model`` and ``errors``.
"""
