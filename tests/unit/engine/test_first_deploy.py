"""A failed first deploy: no message names a previous release, because there was none."""

import pytest

from pvdify.model.release import Release, ReleaseStatus
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine
from tests.support.wanted import deploy_request

IMAGE = "reg.example.com/shop:v1"
OF_BEFORE = ("before serves", "before still", "ran before", "was live is", "still serving", "rollback", "undo")


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(IMAGE)
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


def words_of(release: Release) -> str:
    assert release.failure is not None
    return f"{release.failure.what} {release.failure.why} {release.failure.next}"


@pytest.mark.parametrize("trouble", ["probe", "worker", "router", "confirm", "cancel"])
async def test_the_failure_of_a_first_deploy_names_no_previous_release(machine: Machine, daemon: Daemon, trouble: str):
    manifest = {"processes": {"web": {}, "worker": {"command": ["work"]}}}
    match trouble:
        case "probe" | "cancel":
            machine.supervisor.script(Behaviour(status=500), process="web")
        case "worker":
            machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.5), process="worker")
        case "router":
            machine.router.fail("put", times=9)
        case "confirm":
            machine.router.answers[3001] = None
    if trouble == "cancel":
        await daemon.requests.deploy("shop", deploy_request(image=IMAGE, manifest=manifest), ACTOR)
        await machine.clock.sleep(1)
        await daemon.requests.cancel("shop", 1, ACTOR)
        release = await daemon.finish("shop", 1)
    else:
        release = await daemon.deploy(image=IMAGE, manifest=manifest)

    said = words_of(release)
    assert not [words for words in OF_BEFORE if words in said], said


async def test_the_failure_of_a_second_deploy_names_the_previous_release(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=IMAGE)
    machine.supervisor.script(Behaviour(exit_code=1, exit_after=0.5), process="worker")

    release = await daemon.deploy(image=IMAGE, manifest={"processes": {"worker": {"command": ["work"]}}})

    assert "The previous release's processes run again." in words_of(release)


@pytest.mark.parametrize(("silences", "is_confirmed"), [(120, True), (10_000, False)])
async def test_a_live_release_that_answers_late_is_confirmed(
    machine: Machine, daemon: Daemon, silences: int, is_confirmed: bool
):  # fmt: skip
    machine.router.silences = silences  # one each 50 ms: longer than 5 s, and shorter or longer than the health check

    release = await daemon.deploy(image=IMAGE)

    assert release.status is ReleaseStatus.ACTIVE
    assert (release.failure is None) is is_confirmed
