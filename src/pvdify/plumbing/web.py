"""Requests to services on the internet."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from pvdify.model.foreign_json import QUICK

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class WebRequest:
    """One request; address, headers and content may hold secrets, so none of them shows in a repr."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    timeout: float = 10.0


@dataclass(frozen=True, kw_only=True)
class WebAnswer:
    """What came back, whatever its status. Names of headers are in lower case; the content may have been cut."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = field(default=b"", repr=False)


class Web(Protocol):
    """An HTTP client that follows no redirect, so that what is sent ends up where it was sent to."""

    async def ask(self, request: WebRequest) -> WebAnswer:
        """The answer, within ``request.timeout`` seconds in all.

        Raises ServiceUnavailable: none came, or not in time; whether the other side did something is not known.
        """
        ...


async def understand(answer: WebAnswer, read: Callable[[], ResultT]) -> ResultT:
    """Call ``read``, which reads the answer's content; in a thread if that may take long. Raises what it raises."""
    return read() if len(answer.content) <= QUICK else await asyncio.to_thread(read)
