"""Handlers: each parses, makes one engine call, and answers."""
