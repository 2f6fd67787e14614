"""Answer questions about apps, releases, instances, logs and disk use. Changes nothing.

May import: ``world`` and the room running.
"""
