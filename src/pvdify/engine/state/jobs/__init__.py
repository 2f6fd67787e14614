"""Scheduled jobs: requests about them, their due times, their runs, and the scheduler.

Imports what ``state`` may import, and nothing else of ``state``.
"""
