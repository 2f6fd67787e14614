"""Hostnames of apps, and how visitors reach the router: a tunnel, the server's own web server, or none.

May import: ``world`` and the room reading.
"""
