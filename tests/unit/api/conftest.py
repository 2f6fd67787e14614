"""The API over a machine of fakes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property

import pytest
from starlette.types import ASGIApp

from pvdify.api.application import build_application
from pvdify.engine.front_door import Engine
from pvdify.model.token import Actor, Role
from tests.fakes.machine import Daemon, Machine
from tests.support.asgi import Answer, ask

ADMIN = Actor(name="admin", role=Role.ADMIN)
IMAGE = "reg.example.com/shop:v1"
Ask = Callable[..., Awaitable[Answer]]


@dataclass(repr=False)
class Api:
    """The application, and a way to send it requests with a token."""

    machine: Machine
    daemon: Daemon
    application: ASGIApp
    engine: Engine
    token: str = ""

    @cached_property
    def local(self) -> ASGIApp:
        """The application on the unix socket. Few tests use it, and its routes take 10 ms."""
        return build_application(self.engine, is_local=True)

    async def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named.setdefault("authorization", f"Bearer {self.token}")
        return await ask(self.application, method, f"/api/v1{path}", body, headers=named)

    async def make_token(self, role: Role, app: str | None = None, expires_in: float | None = None) -> str:
        return (await self.daemon.tokens.create("test", role, app, expires_in, ADMIN))[1]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    machine = Machine()
    machine.registry.push(IMAGE)
    daemon = machine.daemon()
    api = Api(
        machine=machine,
        daemon=daemon,
        application=build_application(daemon.engine, is_local=False),
        engine=daemon.engine,
    )
    api.token = await api.make_token(Role.ADMIN)
    yield api
    await daemon.bury()
