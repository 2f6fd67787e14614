"""Request and response types of the REST API, shared by server and client.

Frozen dataclasses of JSON-like fields. Imports the standard library only, so that the command line starts fast.
"""
