"""Workers of many apps on one server through a mix of operations: no job is cut, and no worker runs twice at once."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from tests.e2e.rounds import LONGEST_RUN, MANY
from tests.e2e.trial import Trial
from tests.e2e.worker_marks import BusyApp, Marks, make_apps, operate, together, worker_lines
from tests.support.images import push_image
from tests.support.jobs import SPELLINGS, build_jobs_image, with_marks
from tests.support.podman import missing_for_systemd
from tests.support.real_machine import RealDaemon, RealMachine
from tests.support.vps import CHECKOUT, Vps, missing_for_vps

VERSIONS = ("v1", "v2")
APPS, OPERATIONS = 85, MANY
FEW_APPS, FEW_OPERATIONS = 5, 20
AT_ONCE = 4  # operations
SEED = int(os.environ.get("PVDIFY_TEST_SEED", "0")) or secrets.randbits(32)


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        image = build_jobs_image()
        for version in VERSIONS:
            push_image(with_marks(version, image), trial.stage.image(version))
        yield trial


@pytest.fixture(params=["podman", pytest.param("systemd", marks=pytest.mark.systemd)])
async def daemon(request: pytest.FixtureRequest, trial: Trial) -> AsyncIterator[RealDaemon]:
    """An engine that reconciles beside the operations."""
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    machine = RealMachine(trial.stage, speed=5, runtime=request.param)
    await machine.open()
    daemon = RealDaemon(machine)
    await daemon.begin()
    reconciling = asyncio.create_task(daemon.reconciler.run())
    yield daemon
    reconciling.cancel()
    await daemon.end()
    await machine.close()


async def check(daemon: RealDaemon, trial: Trial, apps: int, operations: int) -> None:
    """Deploy the apps, carry out the operations, stop every app, and judge by what the jobs wrote."""
    print(f"PVDIFY_TEST_SEED={SEED}")
    busy = make_apps(daemon, apps, tuple(map(trial.stage.image, VERSIONS)))
    await in_turn(busy, lambda app: app.deploy(app.images[0]))

    await operate(busy, operations, SEED, AT_ONCE)
    await in_turn([app for app in busy if not app.is_stopped], lambda app: app.set_stopped(is_stopped=True))

    marks = Marks()
    for app in busy:
        marks.read(app.name, [line.text async for _, lines in worker_lines(daemon, app.name) for line in lines])
    print(f"{operations} operations on {apps} apps: {marks.count} jobs, {len(marks.unfinished)} unfinished, "
          f"overlap {marks.overlap} ms")  # fmt: skip
    assert len({app for app, _, _ in marks.works}) == apps
    assert (marks.unfinished, marks.overlap, marks.strays) == ([], 0, [])
    events = await daemon.store.events(None, 100_000)
    assert [event for event in events if event.action.startswith("instance.")] == []


async def in_turn(apps: list[BusyApp], do: Callable[[BusyApp], Awaitable[None]]) -> None:
    """Do this with each app, a few at a time."""
    todo = iter(apps)

    async def work() -> None:
        for app in todo:
            await do(app)

    await together(work() for _ in range(AT_ONCE))


def test_a_cut_job_an_overlap_and_a_stray_command_are_found() -> None:
    marks, lines = Marks(), [
        "one up worker.1 1000000", "one up worker.1 3000000", "one hears SIGTERM worker.1 3500000",
        "one finished worker.1 9000000", "one finished worker.1 5000000", "two up worker.1 1",
        "one up worker.2 2000000", "one finished worker.2 4000000", "preparing", "next",
    ]  # fmt: skip

    marks.read("shop", lines)

    assert marks.count == 4
    assert marks.unfinished == [("shop", "worker.1", "two")]
    assert marks.overlap == 2.0
    assert marks.strays == ["shop"]


async def test_no_job_is_cut_and_no_worker_runs_twice(daemon: RealDaemon, trial: Trial) -> None:
    await check(daemon, trial, FEW_APPS, FEW_OPERATIONS)


@pytest.mark.long
@pytest.mark.timeout(LONGEST_RUN)
async def test_no_job_is_cut_and_no_worker_runs_twice_with_many_apps(daemon: RealDaemon, trial: Trial) -> None:
    assert 3 * len(SPELLINGS) < APPS

    await check(daemon, trial, APPS, OPERATIONS)


@pytest.mark.long
@pytest.mark.vps
@pytest.mark.timeout(LONGEST_RUN)
@pytest.mark.skipif(missing_for_vps() is not None, reason=str(missing_for_vps()))
def test_no_job_is_cut_and_no_worker_runs_twice_with_many_apps_on_systemd() -> None:
    suite = str(CHECKOUT / "tests" / "e2e" / "test_many_workers.py")
    options = ("-q", "-s", "-p", "no:cacheprovider", "--rootdir", str(CHECKOUT), "-m", "systemd and long and not vps")
    numbers = (f"PVDIFY_TEST_SEED={SEED}", f"PVDIFY_TEST_OPERATIONS={OPERATIONS}")

    with Vps(binds=(f"{CHECKOUT}:{CHECKOUT}",)) as vps:
        done = vps.run("env", *numbers, sys.executable, "-m", "pytest", *options, suite, check=False,
                       directory=str(CHECKOUT), timeout=LONGEST_RUN)  # fmt: skip

    print(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
