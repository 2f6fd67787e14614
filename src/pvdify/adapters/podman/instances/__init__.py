"""Containers that run: their directories on tmpfs, config vars, start, end, and use of memory and CPU."""
