"""State that outlives a release: volumes and their trash, scheduled jobs, services, and backups of all of these.

May import: ``world`` and the room running.
"""
