"""Apps and releases: requests, renaming, plans and steps, the runner that journals them, the worker that queues them.

May import: ``world`` and the rooms edge, reading, state, running, notifying.
"""
