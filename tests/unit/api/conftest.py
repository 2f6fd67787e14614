"""The API over a machine of fakes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from starlette.types import ASGIApp

from pvdify.api.application import build_application
from pvdify.api.call import Engine
from pvdify.model.token import Actor, Role
from tests.fakes.machine import Daemon, Machine
from tests.support.asgi import Answer, ask

ADMIN = Actor(name="admin", role=Role.ADMIN)
IMAGE = "reg.example.com/shop:v1"
Ask = Callable[..., Awaitable[Answer]]


@dataclass
class Api:
    """The application, and a way to ask it as somebody."""

    machine: Machine
    daemon: Daemon
    application: ASGIApp
    local: ASGIApp
    token: str = ""

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
    engine = Engine(
        settings=machine.settings, requests=daemon.requests, queries=daemon.queries, domains=daemon.domains,
        tokens=daemon.tokens, registries=daemon.registries, observations=daemon.observations,
        processes=daemon.processes, one_offs=daemon.one_offs,
        previews=daemon.previews, notifications=daemon.notifications, posthog=daemon.posthog,
        webhooks=daemon.webhooks, config_files=daemon.config_files, recipients=daemon.recipients, edge=daemon.edge,
        keyless=daemon.keyless,
    )  # fmt: skip
    api = Api(
        machine=machine,
        daemon=daemon,
        application=build_application(engine, is_local=False),
        local=build_application(engine, is_local=True),
    )
    api.token = await api.make_token(Role.ADMIN)
    yield api
    await daemon.bury()
