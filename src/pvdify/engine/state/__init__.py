"""What apps keep between releases: volumes and their trash, scheduled jobs, services, and backups of all of it.

May import: ``world`` and the room running.
"""
