"""A room per subject, the front door, and the wiring that makes all parts.

May import: ``ports``, ``model``, ``settings``, ``errors``. Never touches the server's world except through ports.
"""
