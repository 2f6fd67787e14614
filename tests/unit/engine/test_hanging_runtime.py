"""A container runtime that hangs during a deploy: the outcome is reported in time, and cleanup follows later."""

from collections.abc import AsyncIterator

import pytest

from pvdify.engine.deploys import patience
from pvdify.errors import PullFailed, RuntimeHangs, RuntimeUnavailable
from pvdify.model.operation import OperationState
from pvdify.model.release import ReleaseStatus
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine, assert_consistent

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"
WITH_WORKER = {"processes": {"web": {}, "worker": {"command": "work"}}}
ASKED = 120.0  # seconds after which a call of the adapter's gives up
METHODS = ("start", "stop", "remove", "find", "create", "wait", "is_running")


class Hanging:
    """From ``begin`` to ``end`` no call of podman is answered; each call times out after two minutes."""

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._machine = machine
        self._hangs = False
        for method in METHODS:
            monkeypatch.setattr(machine.supervisor, method, self._around(getattr(machine.supervisor, method)))
        for method in ("resolve", "get", "keep", "kept"):
            monkeypatch.setattr(machine.images, method, self._around(getattr(machine.images, method)))

    def begin(self) -> None:
        self._hangs = True

    def end(self) -> None:
        self._hangs = False

    def _around(self, real):
        async def asked(*args, **named):
            if self._hangs:
                await self._machine.clock.sleep(ASKED)
                raise RuntimeHangs("podman did not answer within 120 s")
            return await real(*args, **named)

        return asked


@pytest.fixture
async def machine() -> Machine:
    machine = Machine()
    for image in (V1, V2):
        machine.registry.push(image)
    return machine


@pytest.fixture
def podman(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Hanging:
    return Hanging(machine, monkeypatch)


@pytest.fixture
async def daemon(machine: Machine) -> AsyncIterator[Daemon]:
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def workers(machine: Machine) -> set[str]:
    return {name for name in machine.supervisor.names if "worker" in name and await machine.supervisor.is_running(name)}


async def test_a_deploy_that_hangs_at_pull_ends_within_one_deadline(machine: Machine, daemon: Daemon, podman: Hanging):
    await daemon.deploy(image=V1)
    podman.begin()
    begun = machine.clock.monotonic()

    release = await daemon.deploy(image=V2)

    assert machine.clock.monotonic() - begun <= ASKED + patience.SECONDS + 5
    assert release.status is ReleaseStatus.FAILED
    assert release.failure is not None
    assert "Could not be put back: pull; pvdifyd keeps trying" in release.failure.next
    assert (await machine.router.routes())["shop"].slot == 1


async def test_leftovers_of_a_release_are_removed_when_the_runtime_answers(
    machine: Machine, daemon: Daemon, podman: Hanging, monkeypatch: pytest.MonkeyPatch
):
    await daemon.deploy(image=V1, manifest=WITH_WORKER)
    probe = machine.prober.probe

    async def hangs_from_now_on(*args, **named):
        if any("-v2-" in name for name in machine.supervisor.names):
            podman.begin()
            raise RuntimeHangs("podman did not answer within 120 s")
        return await probe(*args, **named)

    monkeypatch.setattr(machine.prober, "probe", hangs_from_now_on)
    begun = machine.clock.monotonic()
    release = await daemon.deploy(image=V2, manifest=WITH_WORKER)
    took = machine.clock.monotonic() - begun
    operation = await machine.store.operation("shop-v2")
    left = {name for name in machine.supervisor.names if "-v2-" in name}

    podman.end()
    await daemon.reconciler.reconcile()
    await daemon.reconciler.reconcile()

    assert took <= patience.SECONDS + 30
    assert release.status is ReleaseStatus.FAILED
    assert operation is not None
    assert operation.state is OperationState.NEEDS_ATTENTION
    assert left
    assert not [name for name in machine.supervisor.names if "-v2-" in name]
    slot = await machine.store.slot("shop", 2)
    assert slot is not None
    assert slot.state is SlotState.RETIRED
    assert (await daemon.deploy(image=V2, manifest=WITH_WORKER)).status is ReleaseStatus.ACTIVE


async def test_no_worker_starts_beside_one_that_could_not_be_removed(machine: Machine, daemon: Daemon, podman: Hanging):
    await daemon.deploy(image=V1, manifest=WITH_WORKER)
    start = machine.supervisor.start

    async def hangs_after(spec):
        await start(spec)
        if spec.process == "worker" and spec.slot == 2:
            podman.begin()
            raise RuntimeHangs("podman did not answer within 120 s")

    machine.supervisor.start = hangs_after  # type: ignore[method-assign] - the fake has no way to hang
    await daemon.deploy(image=V2, manifest=WITH_WORKER)
    machine.supervisor.start = start  # type: ignore[method-assign]
    podman.end()
    machine.supervisor.fail_next("stop", RuntimeUnavailable("podman refuses"))

    await daemon.reconciler.reconcile()
    between = await workers(machine)
    await daemon.reconciler.reconcile()
    await machine.clock.sleep(90)
    await daemon.reconciler.reconcile()

    assert len(between) <= 1
    running = await workers(machine)
    assert running == {"pvdify-shop-worker-v1-1"}


async def test_a_runtime_that_fails_quickly_is_retried(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.images.fail_next("resolve", PullFailed("the registry refuses"))
    for _ in range(2):
        machine.supervisor.fail_next("find", RuntimeUnavailable("podman refuses"))

    release = await daemon.deploy(image=V2)

    assert release.failure is not None
    assert "Could not be put back" not in release.failure.next


def watch_workers(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """Return a list that gets, at each start of a worker, the workers that run then."""
    start, seen = machine.supervisor.start, []

    async def noted(spec):
        if spec.process == "worker":
            seen.append(await workers(machine) | {spec.name})
        await start(spec)

    monkeypatch.setattr(machine.supervisor, "start", noted)
    return seen


async def test_a_deploy_first_removes_what_the_one_before_it_could_not(
    machine: Machine, daemon: Daemon, podman: Hanging, monkeypatch: pytest.MonkeyPatch
):
    await daemon.deploy(image=V1, manifest=WITH_WORKER)
    start = machine.supervisor.start

    async def hangs_after(spec):
        await start(spec)
        if spec.process == "worker" and spec.slot == 2:
            podman.begin()
            raise RuntimeHangs("podman did not answer within 120 s")

    machine.supervisor.start = hangs_after  # type: ignore[method-assign] - the fake has no way to hang
    await daemon.deploy(image=V2, manifest=WITH_WORKER)
    machine.supervisor.start = start  # type: ignore[method-assign]
    podman.end()
    left = await workers(machine)
    at_starts = watch_workers(machine, monkeypatch)

    release = await daemon.deploy(image=V2, manifest=WITH_WORKER)

    assert "pvdify-shop-worker-v2-1" in left
    assert release.status is ReleaseStatus.ACTIVE
    assert at_starts == [{"pvdify-shop-worker-v3-1"}]
    await assert_consistent(machine)


async def test_a_scaling_first_removes_instances_that_joined_in_vain(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.2, listens_after=9), number=2)
    for _ in range(4):
        machine.supervisor.fail_next("remove", RuntimeUnavailable("podman does not answer"))
    operation = await daemon.scale(web=2)
    assert operation.state is OperationState.NEEDS_ATTENTION
    machine.supervisor.script(Behaviour(), number=2)
    starts = len(machine.supervisor.started)

    operation = await daemon.scale(web=2)

    assert operation.state is OperationState.SUCCEEDED
    assert len(machine.supervisor.started) == starts + 1
    assert len(machine.supervisor.running) == 2
    await assert_consistent(machine)


async def test_workers_of_a_slot_that_is_on_standby_again_end(machine: Machine, daemon: Daemon, podman: Hanging):
    await daemon.deploy(image=V1, manifest=WITH_WORKER)
    await daemon.deploy(image=V2, manifest=WITH_WORKER)
    start = machine.supervisor.start

    async def hangs_after(spec):
        await start(spec)
        if spec.process == "worker" and spec.slot == 1:
            podman.begin()
            raise RuntimeHangs("podman did not answer within 120 s")

    machine.supervisor.start = hangs_after  # type: ignore[method-assign] - the fake has no way to hang
    release = await daemon.rollback()
    machine.supervisor.start = start  # type: ignore[method-assign]
    podman.end()
    left = await workers(machine)

    await daemon.reconciler.reconcile()
    await machine.clock.sleep(90)
    await daemon.reconciler.reconcile()

    assert release.status is ReleaseStatus.FAILED
    assert "pvdify-shop-worker-v1-1" in left
    assert await workers(machine) == {"pvdify-shop-worker-v2-1"}


async def test_instances_that_stopped_for_a_restart_run_again_when_the_runtime_answers(
    machine: Machine, daemon: Daemon, podman: Hanging, monkeypatch: pytest.MonkeyPatch
):
    await daemon.deploy(image=V1, manifest={"volumes": {"data": {"path": "/data"}}})
    (before,) = machine.supervisor.running
    start = machine.supervisor.start

    async def hangs(spec):
        podman.begin()
        await start(spec)

    monkeypatch.setattr(machine.supervisor, "start", hangs)
    operation = await daemon.restart()
    monkeypatch.setattr(machine.supervisor, "start", start)
    podman.end()
    for _ in range(3):
        await machine.clock.sleep(90)
        await daemon.reconciler.reconcile()

    assert operation.state is OperationState.NEEDS_ATTENTION
    assert machine.supervisor.running == {before}
    await assert_consistent(machine)
