"""The whole API on fakes, for requests that are made up."""

import asyncio
import json
import re
from dataclasses import fields, is_dataclass
from typing import Any

from hypothesis import strategies as st
from starlette.types import ASGIApp

from pvdify.api.application import build_application
from pvdify.api.routes import ENDPOINTS
from pvdify.model.token import Actor, Role
from pvdify.wire import requests
from tests.fakes.machine import Daemon, Machine
from tests.support.asgi import Answer, ask

ADMIN = Actor(name="admin", role=Role.ADMIN)
# A stream goes on until its client leaves, and what is done once would leave the next requests without an app or token.
_LEFT_OUT = re.compile(r"follow|/run|/exec|/tunnel|/rotate|/tokens|/users|/rename|/recipients")
ROUTES = [it for it in ENDPOINTS if not _LEFT_OUT.search(it.path) and it.method != "DELETE"]
SECONDS = 20.0
_BODIES = (getattr(requests, name) for name in requests.__all__)
_NAMES = sorted({it.name for found in _BODIES if is_dataclass(found) for it in fields(found)})


class Site:
    """One server of fakes on one event loop, made again when the loop is another one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._daemon: Daemon | None = None

    async def ask(self, route: Any, number: int, names: str, body: bytes) -> Answer:
        """An answer, which must not be an error of ours."""
        application, token = await self._application()
        path = re.sub(r"\{\w+:int\}", str(number), route.path)
        path = re.sub(r"\{(\w+)\}", lambda found: "shop" if found[1] == "app" else names, path)
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        content = None if route.method == "GET" else body
        answer = await asyncio.wait_for(
            ask(application, route.method, f"/api/v1{path}", content, headers=headers), SECONDS
        )  # fmt: skip
        assert answer.status != 500, (route.method, path, answer.content[:500])
        return answer

    async def _application(self) -> tuple[ASGIApp, str]:
        if self._loop is not asyncio.get_running_loop():
            self._loop = asyncio.get_running_loop()
            daemon = self._daemon = Machine().daemon()
            _, self._token = await daemon.tokens.create("fuzz", Role.ADMIN, None, None, ADMIN)
            self._built = build_application(daemon.engine, is_local=False)
            headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
            await ask(self._built, "POST", "/api/v1/apps", {"name": "shop"}, headers=headers)
        return self._built, self._token


def bodies(values: st.SearchStrategy[Any], large: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """JSON objects with the names that requests have, and large ones."""
    names = st.sampled_from(_NAMES)
    objects = st.dictionaries(names, values, max_size=5).map(lambda it: json.dumps(it, default=str).encode())
    within = st.builds(lambda name, value: b'{"%s":%s}' % (name.encode(), value), names, large)
    return objects | large | within
