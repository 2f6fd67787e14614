"""Previews, one app per pull request: open, update and close them, and remove them when their lease ends.

May import: ``world`` and the rooms access, deploys.
"""
