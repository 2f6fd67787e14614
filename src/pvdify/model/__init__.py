"""The vocabulary everything server-side shares: pure values and rules, no I/O.

May import: ``manifest``, ``settings``, ``errors``, pydantic (values only).
"""
