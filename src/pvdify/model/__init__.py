"""The vocabulary everything server-side shares: pure values and rules, no I/O.

May import: ``settings``, ``errors``, pydantic (values only).
"""
