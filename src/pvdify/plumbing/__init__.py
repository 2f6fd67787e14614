"""Interfaces between adapters: running programs, HTTP requests, services, containers. The engine imports none of them.

May import: ``model``, ``errors``. One adapter implements an interface; bootstrap passes the object to another adapter.
"""
