"""Destroying an app."""

from collections.abc import AsyncIterator

import pytest

from pvdify.errors import RuntimeUnavailable
from pvdify.model.instance import Secret
from tests.fakes.machine import ACTOR, Daemon, Machine

V1 = "reg.example.com/shop:v1"


@pytest.fixture
async def machine() -> Machine:
    machine = Machine()
    machine.registry.push(V1)
    return machine


@pytest.fixture
async def daemon(machine: Machine) -> AsyncIterator[Daemon]:
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def test_the_mark_that_hides_old_logs_is_set_after_the_deploy_logs_are_removed(machine: Machine, daemon: Daemon):
    """With systemd, the mark is in the directory that is removed with the deploy logs."""
    order: list[str] = []
    remove, forget = machine.deploy_log.remove, machine.supervisor.forget

    async def removed(app: str) -> None:
        order.append("deploy logs")
        await remove(app)

    async def forgotten(app: str) -> None:
        order.append("mark")
        await forget(app)

    machine.deploy_log.remove = removed  # type: ignore[method-assign] - the order is the point
    machine.supervisor.forget = forgotten  # type: ignore[method-assign]
    await daemon.deploy(image=V1)

    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    await daemon.finish_retirements()

    assert order == ["deploy logs", "mark"]


@pytest.mark.parametrize("what", ["images.kept", "supervisor.remove"])
async def test_the_records_of_an_app_stay_until_everything_else_of_it_is_gone(
    machine: Machine, daemon: Daemon, what: str, monkeypatch: pytest.MonkeyPatch
):
    await daemon.deploy(image=V1, manifest={"volumes": {"data": {"path": "/data"}}})
    part, _, verb = what.partition(".")
    works, is_broken = getattr(getattr(machine, part), verb), True

    async def fails(*arguments: object) -> object:
        if is_broken:
            raise RuntimeUnavailable("podman does not answer")
        return await works(*arguments)

    monkeypatch.setattr(getattr(machine, part), verb, fails)
    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    await daemon.clock.sleep(100.0)
    before = await daemon.store.app("shop"), [it.trashed_at for it in await daemon.store.volumes("shop")]
    (shown,) = await daemon.queries.apps()
    assert "podman does not answer" in shown.status.cause
    is_broken = False
    await daemon.clock.sleep(100.0)

    assert (before[0] is not None, before[1]) == (True, [None])
    assert await daemon.store.app("shop") is None
    assert [it.is_trashed for it in await daemon.store.volumes("shop")] == [True]
    assert machine.supervisor.names == frozenset()


async def test_the_app_s_own_registry_logins_go_with_it_and_no_other(machine: Machine, daemon: Daemon):
    machine.registry_logins.passwords = {("reg.example.com", "bot"): Secret("a-token")}
    for app in ("shop", "blog", None):
        await daemon.registries.login("reg.example.com", "bot", Secret("a-token"), ACTOR, app)
    await daemon.deploy(image=V1)

    await daemon.requests.destroy_app("shop", "shop", ACTOR)
    await daemon.finish_retirements()

    assert {login.app for login in await daemon.registries.list()} == {"blog", None}
    assert {login.app for login in machine.registry_logins.used} == {"blog", None}
