"""Request and response types of the REST API: the only words that both sides share.

Frozen dataclasses of JSON-like fields; imports the standard library only, so that the command line starts fast.
"""
