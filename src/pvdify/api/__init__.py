"""The REST API: route table, authentication, model <-> wire, error -> status.

May import: ``web``, ``engine``, ``wire``, ``model``, ``settings``, ``errors``, Starlette and pydantic.
"""
