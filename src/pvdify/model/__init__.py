"""The vocabulary of the server: pure values and rules. No I/O.

May import: ``manifest``, ``settings``, ``errors``, pydantic (values only).
"""
