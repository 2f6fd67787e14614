"""Adapters: each package makes one technology serve one or more ports.

May import: ``plumbing``, ``ports``, ``model``, ``settings``, ``errors``; never another adapter.
"""
