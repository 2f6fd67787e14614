"""One app per pull request: open, update, close, and remove when the lease ends.

May import: ``world`` and the rooms access, deploys.
"""
