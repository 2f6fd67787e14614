"""Backups: requests about them, the tasks that make, prove and restore them, and the keeper that runs the tasks.

Imports what ``state`` may import, and ``state.services``.
"""
