"""The dashboard over a machine of fakes, and browsers that keep cookies."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from starlette.types import ASGIApp

from pvdify.daemon.serving import build_listener
from pvdify.engine.access.places import Places
from pvdify.engine.front_door import Engine
from pvdify.model.token import Actor, Role
from tests.fakes.machine import Daemon, Machine
from tests.support.asgi import Answer, ask

ADMIN = Actor(name="admin", role=Role.ADMIN)
IMAGE = "reg.example.com/shop:v1"
HERE = "http://127.0.0.1:9443"


@dataclass(repr=False)
class Site:
    """What listens on the network: dashboard and API."""

    machine: Machine
    daemon: Daemon
    engine: Engine
    application: ASGIApp

    def browser(self, origin: str = HERE) -> "Browser":
        return Browser(site=self, origin=origin)

    async def signed_in(self, role: Role = Role.ADMIN, app: str | None = None) -> "Browser":
        """Return a browser that is signed in with this role."""
        token, _ = await self.daemon.tokens.create("someone", role, app, None, ADMIN)
        return await self.browser().follow_link(Actor(name="someone", role=role, app=app, token=token.id))


@dataclass
class Browser:
    """Keeps cookies, as a browser does for one origin; scripts are off."""

    site: Site
    origin: str = HERE
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    address: str = "192.0.2.7"

    async def follow_link(self, actor: Actor) -> "Browser":
        secret, _ = self.site.engine.sessions.make_link(actor)
        answer = await self.get(f"/sign-in/link/{secret}")
        assert answer.status == 200, answer.content
        await self.get("/")
        return self

    async def get(self, path: str, **headers: str) -> Answer:
        answer = await self._ask("GET", path, None, headers)
        found = re.search(rb'name="csrf" value="([^"]+)"', answer.content)
        self.csrf = found[1].decode() if found else self.csrf
        return answer

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """Send a form as this site's own page does; headers named here replace the usual ones, "" leaves one out."""
        content = urlencode({"csrf": self.csrf, **(form or {})}).encode()
        usual = {
            "content_type": "application/x-www-form-urlencoded", "origin": self.origin, "sec_fetch_site": "same-origin",
        }  # fmt: skip
        return await self._ask("POST", path, content, usual | headers)

    async def _ask(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> Answer:
        named = {"host": self.origin.partition("://")[2]}
        named |= {name.replace("_", "-"): value for name, value in headers.items() if value}
        if self.cookies:
            named["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        hangs_up = path.partition("?")[0].endswith("/live") and "turn=yes" not in path
        answer = await ask(
            self.site.application, method, path, content, headers=named, client=self.address, hangs_up=hangs_up
        )  # fmt: skip
        for line in answer.cookies:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value.strip('"')
        return answer


@asynccontextmanager
async def build_site(**settings: str) -> AsyncIterator[Site]:
    machine = Machine(**settings)
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    yield Site(
        machine=machine, daemon=daemon, engine=daemon.engine, application=build_listener(daemon.engine, Places(64))
    )
    await daemon.bury()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with build_site() as site:
        yield site
