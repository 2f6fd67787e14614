"""The interface for HTTP requests to services on the internet."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pvdify.model.foreign_json import QUICK

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class WebRequest:
    """One HTTP request. ``timeout`` is in seconds.

    The repr shows no address, headers or content, because they may contain secrets.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    timeout: float = 10.0


@dataclass(frozen=True, kw_only=True)
class WebAnswer:
    """The response to a request, whatever its status. Header names are in lower case; the content may be cut."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)


class Web(Protocol):
    """An HTTP client that follows no redirects, so that credentials reach only the host they are for."""

    async def ask(self, request: WebRequest) -> WebAnswer:
        """Send the request and return the response, within ``request.timeout`` seconds in all.

        Raises ServiceUnavailable if no response came in time. The service may still have carried out the request.
        """
        ...


async def understand(answer: WebAnswer, read: Callable[[], ResultT]) -> ResultT:
    """Return the result of ``read``, which parses the answer's content; call it in a thread if the content is long.

    Raises whatever ``read`` raises.
    """
    return read() if len(answer.content) <= QUICK else await asyncio.to_thread(read)
