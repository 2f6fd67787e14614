"""Volumes, safe copies of them for backups and moves, and how much of the disk containers use."""
