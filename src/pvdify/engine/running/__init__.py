"""Keeps instances running as recorded: container specs, environment, probes, repairs, statuses, one-off commands.

May import: ``world`` and the room notifying.
"""
