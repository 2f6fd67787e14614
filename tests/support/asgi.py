"""Asking an ASGI application without a network."""

import asyncio
import json
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from starlette import routing
from starlette.types import ASGIApp, Message

# Hundreds of tests build an application of their own, with a hundred routes whose patterns are always the same.
routing.compile_path = cache(routing.compile_path)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


async def ask(
    application: ASGIApp, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None,
    client: str | None = None, hangs_up: bool = False,
) -> Answer:  # fmt: skip
    """One request; ``body`` is sent as it is if it is bytes, else as JSON.

    ``hangs_up``: the client goes as soon as the answer has begun, which ends a stream.
    """
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    url = urlsplit(path)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": url.path,
        "raw_path": url.path.encode(),
        "root_path": "",
        "query_string": url.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()],
        "client": (client, 40000) if client else None,
        "server": ("127.0.0.1", 9443),
    }
    sent: list[Message] = []
    begun = asyncio.Event()
    pending = [{"type": "http.request", "body": content, "more_body": False}]

    async def receive() -> Message:
        if not pending and hangs_up:
            await begun.wait()
            await asyncio.sleep(0.05)  # a first event arrives
            return {"type": "http.disconnect"}
        if not pending:
            await asyncio.Event().wait()  # the client stays
        return pending.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)
        begun.set()

    await application(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    return Answer(
        cookies=tuple(value.decode() for name, value in start["headers"] if name == b"set-cookie"),
        status=start["status"],
        headers={name.decode(): value.decode() for name, value in start["headers"]},
        content=b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body"),
    )
