"""The ``public`` port on httpx2. Each request uses a new connection, so no earlier one can hide a fault."""

import asyncio
import socket
import ssl
from urllib.parse import urlsplit

import httpx2

from pvdify.adapters.httpx2 import tls
from pvdify.model.public import Obstacle, PublicAnswer
from pvdify.plumbing.handshakes import close_canceled_handshake

LARGEST_ANSWER = 4096  # bytes; the rest of an answer is not read
HEADERS = {"User-Agent": "pvdify", "Cache-Control": "no-cache", "Connection": "close"}


class HttpxPublicWeb:
    """Requests addresses as a visitor would, but follows no redirect: the engine judges the redirect itself."""

    async def get(self, url: str, timeout: float) -> PublicAnswer:
        try:
            async with asyncio.timeout(timeout):
                await _resolve(url)
                return await _get(url)
        except TimeoutError:
            return PublicAnswer(obstacle=Obstacle.TIMEOUT, text=f"no answer within {timeout:.1f} s")
        except socket.gaierror as error:
            return PublicAnswer(obstacle=Obstacle.NO_NAME, text=error.strerror or str(error))
        except (httpx2.HTTPError, OSError, ValueError) as error:
            return _obstacle(error)


async def _resolve(url: str) -> None:
    """Look the hostname up. Raises gaierror if the name is unknown.

    The lookup is separate from the request because httpx2's errors do not distinguish an unknown name from other
    failures.
    """
    parts = urlsplit(url)
    await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)


async def _get(url: str) -> PublicAnswer:
    hooks = {"request": [close_canceled_handshake]}
    async with (
        httpx2.AsyncClient(follow_redirects=False, timeout=None, verify=tls.trusted(), event_hooks=hooks) as client,
        client.stream("GET", url, headers=HEADERS) as answer,
    ):
        content = b""
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) >= LARGEST_ANSWER:
                break
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return PublicAnswer(status=answer.status_code, headers=headers, content=content[:LARGEST_ANSWER])


def _obstacle(error: Exception) -> PublicAnswer:
    """Classify an error of a request: TLS if an SSLError caused it, else no connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            why = getattr(cause, "verify_message", "") or cause.reason or str(cause)
            return PublicAnswer(obstacle=Obstacle.NO_TLS, text=why)
        cause = cause.__cause__ or cause.__context__
    return PublicAnswer(obstacle=Obstacle.NO_CONNECTION, text=str(error) or type(error).__name__)
