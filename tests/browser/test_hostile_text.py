"""Hostile text in every field: no script runs, and no violation of the policy is reported."""

import itertools
from contextlib import suppress
from datetime import UTC, datetime

from pvdify.engine.access.users import Invitation
from pvdify.errors import InvalidError, UserExists
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.release import Source
from pvdify.model.token import Actor, Role
from tests.browser.visitors import Visitor
from tests.fakes.sample_server import REGISTRY
from tests.support.wanted import deploy_request, preview_request
from tests.unit.dashboard.hostile import HOSTILE

APP = "hostile"
OF_APP = (
    "", "/releases", "/releases/1", "/releases/2", "/logs?lines=500", "/router-log", "/config", "/domains", "/state",
    "/previews",
)  # fmt: skip
PATHS = ("/", "/activity?n=500", "/server", "/people", "/me", *(f"/apps/{APP}{path}" for path in OF_APP))


def test_hostile_text_runs_nowhere(visitor: Visitor) -> None:
    server = visitor.site.server

    async def fill() -> None:
        await server.deploy(APP, "v1")
        names = itertools.cycle(HOSTILE)
        request = deploy_request(image=f"{REGISTRY}/{APP}:v1", source=Source(commit=HOSTILE[0], branch=HOSTILE[3]))
        release = await server.engine.requests.deploy(APP, request, Actor(name=HOSTILE[5], role=Role.ADMIN))
        await server.settle(APP, release.version)
        for number, text in enumerate(HOSTILE):
            actor = Actor(name=text, role=Role.ADMIN, address=text)
            await server.engine.requests.change_config(APP, {f"T_{number}": Secret(text.replace("\0", ""))}, actor)
            for name in server.machine.supervisor.running:
                if f"-{APP}-" in name:
                    server.machine.supervisor.write(name, text)
            await server.machine.store.save(
                Event(at=datetime.now(UTC), actor=next(names), action=Action.JOB_FAILED, app=APP, text=text)
            )
            with suppress(InvalidError, UserExists):  # a name is short and has no slash
                await server.engine.users.invite(Invitation(name=text), actor)
            with suppress(InvalidError):
                await server.engine.tokens.create(text, Role.READ, None, None, actor)
        source = Source(commit=HOSTILE[0], branch=HOSTILE[3])
        request = preview_request(image=f"{REGISTRY}/{APP}:v1", source=source, labels=tuple(HOSTILE))
        await server.engine.previews.open(APP, 7, request, actor)
        assert len(await server.engine.users.list()) > 20

    visitor.site.call(fill)

    for path in PATHS:
        page = visitor.go(path)
        page.wait_for_timeout(200)
        assert page.locator("script:not([src])").count() == 0, path
        assert page.locator("main iframe, main object, main embed, main img, main style, main base").count() == 0, path
        page.keyboard.press("Control+k")
        page.keyboard.press("Escape")

    assert visitor.complaints == []
    assert page.evaluate("document.title").endswith("pvdify")
