"""A synchronous, typed client of the REST API, over https or a unix socket.

Imports ``wire``, ``errors`` and the standard library only, so that it starts fast and can be packed as a zipapp.
"""
