"""A synchronous, typed client of the REST API: what the command line asks pvdifyd, over https or a unix socket.

Imports ``wire``, ``errors`` and the standard library only, so that it starts fast and packs as a zipapp.
"""
