"""The HTTP client of ``plumbing.web`` on httpx2."""

import asyncio
from urllib.parse import urlsplit

import httpx2

from pvdify import __version__
from pvdify.adapters.httpx2 import tls
from pvdify.errors import ServiceUnavailable
from pvdify.plumbing.handshakes import close_canceled_handshake
from pvdify.plumbing.web import WebAnswer, WebRequest

LARGEST_ANSWER = 1024 * 1024  # bytes; GitHub's largest answer to pvdify's requests has 30 kB


class HttpxWeb:
    """Implements ``plumbing.web.Web`` with one connection pool, which the first request opens.

    The environment's proxy variables, such as HTTPS_PROXY, apply.
    """

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def ask(self, request: WebRequest) -> WebAnswer:
        try:
            async with asyncio.timeout(request.timeout):
                return await self._ask(request)
        except TimeoutError as error:
            raise _unavailable(request, f"no answer within {request.timeout:g} s") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise _unavailable(request, _why(error)) from error

    async def close(self) -> None:
        """Close the connection pool."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, request: WebRequest) -> WebAnswer:
        client = self._client = self._client or _client()
        outgoing = client.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.content or None
        )
        answer = await client.send(outgoing, stream=True)
        try:
            # Raw bytes: if a server compresses although it was asked not to, one decompressed chunk could fill memory.
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) >= LARGEST_ANSWER:
                    break
        finally:
            await answer.aclose()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return WebAnswer(status=answer.status_code, headers=headers, content=bytes(content[:LARGEST_ANSWER]))


def _client() -> httpx2.AsyncClient:
    # No timeout of the client's own: ``ask`` limits the whole request.
    headers = {"User-Agent": f"pvdify/{__version__}", "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(
        headers=headers, follow_redirects=False, timeout=None, verify=tls.trusted(),
        event_hooks={"request": [close_canceled_handshake]},
    )  # fmt: skip


def _why(error: Exception) -> str:
    """Return the error's text, or the name of its class if it has none."""
    return str(error) or type(error).__name__


def _unavailable(request: WebRequest, why: str) -> ServiceUnavailable:
    host = urlsplit(request.url).hostname or "the address"
    return ServiceUnavailable(f"{host} does not answer", why=why, next="pvdifyd retries by itself")
