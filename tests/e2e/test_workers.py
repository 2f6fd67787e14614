"""Workers on real podman, by the times that they print: never two at once, never none."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pvdify.model.instance import InstanceState, LogLine
from pvdify.model.operation import OperationState
from pvdify.model.release import ReleaseStatus
from tests.e2e.trial import Trial
from tests.e2e.worker_marks import worker_lines
from tests.support.images import build_image, push_image
from tests.support.real_machine import RealDaemon, RealMachine

# It ends slowly, so that a successor that does not wait for it is detected.
WORKER = (
    "trap 'echo stopping; sleep 0.4; echo stopped; exit 0' TERM; "
    "echo started; while true; do sleep 0.02; echo beat; done"
)
FAILING = "echo started; sleep 0.02; echo no queue; exit 3"
SLOW_PODMAN = """#!/bin/sh
case "$*" in
    "ps --all "*) found=$(podman "$@") || exit; sleep 2; printf '%s\\n' "$found" ;;
    *) exec podman "$@" ;;
esac
"""
RESTARTS = 7  # of each app
FOR_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Life:
    """One time that a worker ran."""

    instance: str
    began: datetime
    ended: datetime

    @property
    def goes_on(self) -> bool:
        return self.ended == FOR_EVER


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        for version in ("v1", "v2"):
            command = ("/bin/sh", "-c", "exec httpd -f -p $PORT -h /www")
            push_image(build_image(content=version, command=command), trial.stage.image(version))
        yield trial


@pytest.fixture
async def busy(trial: Trial) -> AsyncIterator[RealDaemon]:
    """An engine whose listings of containers take seconds, as on a server with many apps."""
    podman = Path(trial.stage.directory) / "slow-podman"
    podman.write_text(SLOW_PODMAN)
    podman.chmod(0o755)
    machine = RealMachine(trial.stage, speed=5, podman=str(podman))
    await machine.open()
    daemon = RealDaemon(machine)
    await daemon.begin()
    reconciling = asyncio.create_task(daemon.reconciler.run())
    yield daemon
    reconciling.cancel()
    await daemon.end()
    await machine.close()


@pytest.fixture
async def machine(trial: Trial) -> AsyncIterator[RealMachine]:
    machine = RealMachine(trial.stage, speed=5)
    await machine.open()
    yield machine
    await machine.close()


@pytest.fixture
async def daemon(machine: RealMachine) -> AsyncIterator[RealDaemon]:
    daemon = RealDaemon(machine)
    await daemon.begin()
    yield daemon
    await daemon.end()


def manifest(command: str = WORKER, **parts: Any) -> dict[str, Any]:
    worker = {"command": command, **parts}
    return {"processes": {"web": {"count": 1}, "worker": worker}, "stop_timeout": "5s", "drain": "1s"}


async def lives(daemon: RealDaemon, app: str) -> list[Life]:
    """Every life that a worker of the app has had, by its beginning."""
    found: list[Life] = []
    running = {it.name for it in await daemon.world.instances.find(app) if it.state is InstanceState.RUNNING}
    async for name, lines in worker_lines(daemon, app):
        parts: list[list[LogLine]] = []
        for line in lines:
            if line.text == "started":
                parts.append([])
            parts[-1].append(line)
        ends = [part[-1].at for part in parts]
        ends[-1] = FOR_EVER if name in running else ends[-1]
        found += [
            Life(instance=name.removeprefix(f"pvdify-{app}-"), began=part[0].at, ended=end)
            for part, end in zip(parts, ends, strict=True)
        ]
    return sorted(found, key=lambda life: life.began)


def uptime() -> int:
    """Whole seconds, as a container sees them too."""
    return int(float(Path("/proc/uptime").read_text(encoding="ascii").split()[0]))


def most_at_once(found: list[Life]) -> int:
    return max(sum(other.began <= life.began < other.ended for other in found) for life in found)


async def test_a_deploy_and_a_restart_never_run_two_at_once(daemon: RealDaemon, trial: Trial):
    await daemon.deploy("turns", trial.stage.image("v1"), manifest())
    await daemon.deploy("turns", trial.stage.image("v2"), manifest())
    await daemon.restart("turns", "worker")
    await daemon.rollback("turns")

    found = await lives(daemon, "turns")

    assert most_at_once(found) == 1, found
    assert [life.instance for life in found] == ["worker-v1-1", "worker-v2-1", "worker-v2-101", "worker-v1-1"]
    assert [life.goes_on for life in found] == [False, False, False, True]


async def test_a_release_with_a_failing_worker_is_replaced_by_the_previous_one(daemon: RealDaemon, trial: Trial):
    await daemon.deploy("fails", trial.stage.image("v1"), manifest())

    release = await daemon.deploy("fails", trial.stage.image("v2"), manifest(FAILING))

    found = await lives(daemon, "fails")
    assert release.status is ReleaseStatus.FAILED
    assert most_at_once(found) == 1, found
    assert [life.instance for life in found] == ["worker-v1-1", "worker-v2-1", "worker-v1-1"]
    assert [life.goes_on for life in found] == [False, False, True]


async def test_a_failed_restart_or_scaling_keeps_the_running_workers(daemon: RealDaemon, trial: Trial):
    """A new worker.2 fails, and later every new worker; worker.1 may be restored."""
    deadline = uptime() + 30
    fails = f'[ "$PVDIFY_INSTANCE" = worker.2 ] || [ ${{up%.*}} -gt {deadline} ]'
    only_first = (
        f"[ -e /ran ] || {{ read up rest </proc/uptime; if {fails}; then {FAILING}; fi; echo >/ran; }}; {WORKER}"
    )
    await daemon.deploy("stays", trial.stage.image("v1"), manifest(only_first))

    scaled = await daemon.scale("stays", worker=2)
    between = await lives(daemon, "stays")
    while uptime() <= deadline:
        await asyncio.sleep(0.5)
    restarted = await daemon.restart("stays", "worker")

    found = await lives(daemon, "stays")
    assert (scaled.state, restarted.state) == (OperationState.FAILED, OperationState.FAILED)
    assert [(life.instance, life.goes_on) for life in between] == [("worker-v1-1", True), ("worker-v1-2", False)]
    assert [life.instance for life in found] == ["worker-v1-1", "worker-v1-2", "worker-v1-101", "worker-v1-1"]
    assert most_at_once(found[2:]) == 1, found
    assert found[0].ended < found[2].began, found
    assert found[3].goes_on


async def test_a_worker_is_added_without_restarting_the_others(daemon: RealDaemon, trial: Trial):
    await daemon.deploy("grows", trial.stage.image("v1"), manifest())

    done = await daemon.scale("grows", worker=2)
    await daemon.restart("grows", "worker")

    found = await lives(daemon, "grows")
    assert done.state is OperationState.SUCCEEDED
    assert most_at_once(found) == 2, found
    assert Counter(life.goes_on for life in found) == {True: 2, False: 2}
    assert [life.instance for life in found][:2] == ["worker-v1-1", "worker-v1-2"]


async def test_with_overlap_a_worker_always_runs(daemon: RealDaemon, trial: Trial):
    await daemon.deploy("meets", trial.stage.image("v1"), manifest(overlap=True))
    await daemon.deploy("meets", trial.stage.image("v2"), manifest(overlap=True))
    await daemon.restart("meets", "worker")

    found = await lives(daemon, "meets")

    assert [life.goes_on for life in found] == [False, False, True]
    assert all(earlier.ended > later.began for earlier, later in pairwise(found)), found


async def test_restarts_with_slow_container_listings_never_run_two_workers_at_once(
    busy: RealDaemon, trial: Trial
) -> None:
    apps = ("busy-a", "busy-b", "busy-c")
    for app in apps:
        await busy.deploy(app, trial.stage.image("v1"), manifest())

    async def restart(app: str) -> None:
        for number in range(RESTARTS):
            await busy.clock.sleep(3.0 * number)  # so that a restart begins at every point of a listing
            await busy.restart(app, "worker")

    await asyncio.gather(*(restart(app) for app in apps))

    for app in apps:
        found = await lives(busy, app)
        assert most_at_once(found) == 1, found
        assert len(found) == RESTARTS + 1, found
        assert [event for event in await busy.store.events(app) if event.action.startswith("instance.")] == []
