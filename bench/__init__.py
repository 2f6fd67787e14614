"""Measurements behind our decisions: `make bench` runs every one of them."""
