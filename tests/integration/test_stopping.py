"""Stops of real containers: a program gets the signal and finishes its work, however it was started."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pvdify.model.instance import Exit, InstanceSpec, InstanceState, Limits
from tests.support.images import missing_for_podman
from tests.support.jobs import SPELLINGS, Spelling, build_jobs_image, with_stop_signal
from tests.support.podman import PodmanServer, Supervisor, missing_for_systemd, podman_server

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
NAME = "pvdify-shop-worker-v1-1"
GRACE = 30.0
RESTARTS = 500


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


@pytest.fixture(params=["podman", pytest.param("systemd", marks=pytest.mark.systemd)])
def supervisor(request: pytest.FixtureRequest, server: PodmanServer) -> Supervisor:
    if request.param == "podman":
        return server.supervisor()
    if missing := missing_for_systemd():
        pytest.skip(missing)
    return server.systemd_supervisor()


@pytest.fixture(scope="module")
def image() -> str:
    return build_jobs_image()


def make_spec(image: str, spelling: Spelling, **parts: object) -> InstanceSpec:
    usual = {"name": NAME, "app": "shop", "process": "worker", "slot": 1, "number": 1, "image_id": image,
             "limits": Limits(memory=128 * 1024**2), "stop_timeout": GRACE}  # fmt: skip
    return InstanceSpec(**(usual | {"command": spelling.command, "has_init": spelling.has_init} | parts))


async def lines_of(supervisor: Supervisor, name: str = NAME) -> list[str]:
    return [line.text for line in await supervisor.logs.tail([name], 10_000)]


async def start(supervisor: Supervisor, spec: InstanceSpec, jobs: tuple[str, ...], lives: int = 1) -> None:
    """Start it, and wait until each job is under way, as often as it has been started."""
    await supervisor.instances.start(spec)

    async with asyncio.timeout(120):
        while True:
            lines = await lines_of(supervisor, spec.name)
            if all(lines.count(f"{job} up") == lives for job in jobs):
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", SPELLINGS)
async def test_a_job_is_finished_whatever_way_its_program_was_started(supervisor, image, name):
    spelling = SPELLINGS[name]
    await start(supervisor, make_spec(image, spelling), spelling.jobs)

    await supervisor.instances.stop(NAME, GRACE)

    (found,) = await supervisor.instances.find()
    assert found.state is InstanceState.EXITED
    expected = [f"{job} {word}" for job in spelling.jobs for word in ("hears SIGTERM", "finished")]
    said = [line for line in await lines_of(supervisor) if "up" not in line and "preparing" not in line]
    assert sorted(said) == sorted(expected)


async def test_the_images_own_stop_signal_is_sent(supervisor, image):
    quits = with_stop_signal("SIGQUIT", image)
    await start(supervisor, make_spec(quits, SPELLINGS["pipe"]), ("one",))

    await supervisor.instances.stop(NAME, GRACE)

    assert await lines_of(supervisor) == ["one up", "one hears SIGQUIT", "one finished"]


async def test_work_that_takes_too_long_is_killed_with_all_that_waits_for_it(supervisor, image):
    command = "(trap '' TERM; echo one up; while true; do sleep 1; done) | cat"
    await start(supervisor, make_spec(image, Spelling(command=command)), ("one",))

    await supervisor.instances.stop(NAME, 1.0)

    (found,) = await supervisor.instances.find()
    assert found.state is InstanceState.EXITED
    assert found.exit == Exit(code=137)


async def test_a_program_that_knows_no_signal_ends_at_once_as_process_1_too(supervisor, image):
    spelling = Spelling(command=("/bin/sleep", "1000"), has_init=False)
    await supervisor.instances.start(make_spec(image, spelling))

    async with asyncio.timeout(GRACE):
        await supervisor.instances.stop(NAME, 10 * GRACE)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_in_five_hundred_restarts_no_job_is_lost_and_no_two_lives_overlap(supervisor, image):
    """Each line is written at once, so the order of lines is the order of what happened."""
    at_once = asyncio.Semaphore(4)

    async def restart(number: int, spelling: Spelling) -> list[str]:
        spec = make_spec(image, spelling, name=f"pvdify-shop-worker-v1-{number}", number=number)
        for life in range(1, RESTARTS // len(SPELLINGS) + 2):
            async with at_once:
                await start(supervisor, spec, spelling.jobs, life)
                await supervisor.instances.stop(spec.name, GRACE)
        return await lines_of(supervisor, spec.name)

    said = await asyncio.gather(*(restart(number, each) for number, each in enumerate(SPELLINGS.values(), start=1)))

    lives = RESTARTS // len(SPELLINGS) + 1
    for (name, spelling), lines in zip(SPELLINGS.items(), said, strict=True):
        for job in spelling.jobs:
            own = [line for line in lines if line.startswith(f"{job} ")]
            assert own == [f"{job} {word}" for word in ("up", "hears SIGTERM", "finished")] * lives, name
        assert "next" not in lines, name
