"""The ``web`` port on httpx2."""

import asyncio
from urllib.parse import urlsplit

import httpx2

from pvdify import __version__
from pvdify.errors import ServiceUnavailable
from pvdify.plumbing.web import WebAnswer, WebRequest

LARGEST_ANSWER = 1024 * 1024  # GitHub's longest answer to our questions has 30 kB


class HttpxWeb:
    """One pool of connections, opened with the first request. HTTPS_PROXY and its like are honoured."""

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
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, request: WebRequest) -> WebAnswer:
        client = self._client = self._client or _client()
        asked = client.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.content or None
        )
        answer = await client.send(asked, stream=True)
        try:
            # As it comes: a server that compresses all the same could fill the memory with one chunk.
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
    # No timeout of its own: ``ask`` has one for the whole.
    headers = {"User-Agent": f"pvdify/{__version__}", "Accept-Encoding": "identity"}
    return httpx2.AsyncClient(headers=headers, follow_redirects=False, timeout=None)


def _why(error: Exception) -> str:
    """The cause in a few words; the library names itself in what has no text of its own."""
    return str(error) or type(error).__name__


def _unavailable(request: WebRequest, why: str) -> ServiceUnavailable:
    host = urlsplit(request.url).hostname or "the address"
    return ServiceUnavailable(f"{host} does not answer", why=why, next="pvdifyd tries again by itself")
