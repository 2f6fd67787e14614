"""The dashboard: server-rendered pages over the same engine calls as the API.

``routes.py`` lists every page and action on one screen. May import: ``web``, ``engine``, ``wire``, ``model``,
``settings``, ``errors``, Starlette and Jinja2; never ``api``.
"""
