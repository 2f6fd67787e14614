"""The certificates that clients of this process trust."""

import ssl
from functools import cache

import httpx2


@cache
def trusted() -> ssl.SSLContext:
    """Return the one TLS context of all clients. Reading the certificates takes 20 ms, and blocks the event loop."""
    return httpx2.create_ssl_context()
