"""The REST API: route table, authentication, model <-> wire, error -> status.

May import: ``engine``, ``wire``, ``model``, ``settings``, ``errors``, Starlette and pydantic.
"""
