"""Images of releases: pulled once, pinned before anything else needs them, and kept as long as a rollback may."""

import pytest

from pvdify.errors import NotEnoughDisk, RuntimeUnavailable, StartFailed
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import InstanceSpec
from pvdify.model.release import ReleaseStatus
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import Daemon, Machine, assert_consistent

V1, V2 = "reg.example.com/shop:v1", "reg.example.com/shop:v2"


@pytest.fixture
async def machine():
    machine = Machine()
    machine.registry.push(V1, exposed_ports=(3000,))
    machine.registry.push(V2, exposed_ports=(3000,))
    return machine


@pytest.fixture
async def daemon(machine: Machine):
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


@pytest.fixture
async def daemon_with_few_kept():
    machine = Machine(keep_releases="3", standby="5s")
    machine.registry.push(V1)
    machine.registry.push(V2)
    daemon = machine.daemon()
    yield daemon
    await daemon.bury()


async def test_moved_tag_is_pulled_on_deploy_and_never_on_rollback(machine: Machine, daemon: Daemon):
    first = await daemon.deploy(image=V1)
    machine.registry.push(V1)

    second = await daemon.deploy(image=V1)
    third = await daemon.rollback()

    assert second.digest != first.digest
    assert third.digest == first.digest


async def test_an_image_for_another_machine_fails_before_any_hook(machine: Machine, daemon: Daemon):
    machine.registry.push(V1, runs_here=False)

    release = await daemon.deploy(image=V1, manifest={"hooks": {"pre_deploy": ["migrate"]}})

    assert release.failure is not None
    assert (release.failure.code, release.failure.why) == (
        "wrong-platform", "it is built for arm64; this server is amd64",
    )  # fmt: skip
    assert machine.supervisor.executions("migrate") == 0


async def test_only_images_of_kept_releases_are_kept(daemon_with_few_kept: Daemon):
    daemon = daemon_with_few_kept
    machine = daemon.machine
    first = await daemon.deploy(image=V1)
    await daemon.deploy(image=V2)
    await daemon.rollback()  # v3 takes the slot of v1 over, and with it the pin
    for _ in range(2):
        machine.registry.push(V2)
        await daemon.deploy(image=V2)
        await daemon.finish_retirements()

    assert await machine.images.kept("shop") == {1, 4, 5}
    assert (await daemon.rollback(version=3)).image_id == first.image_id


async def test_of_releases_that_failed_only_the_newest_keeps_its_image(machine: Machine, daemon: Daemon):
    live = await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=1, listens_after=9), process="web", starts=2)
    await daemon.deploy(image=V2)
    machine.registry.push(V2)

    failed = await daemon.deploy(image=V2)

    assert await machine.images.kept("shop") == {1, 3}
    assert machine.images.stored == {live.image_id, failed.image_id}


async def test_the_image_of_a_failed_release_is_removed_once_another_is_live(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.supervisor.script(Behaviour(exit_code=1, listens_after=9), process="web", starts=1)
    failed = await daemon.deploy(image=V2)
    machine.registry.push(V2)

    await daemon.deploy(image=V2)
    await daemon.finish_retirements()

    assert failed.status is ReleaseStatus.FAILED
    assert await machine.images.kept("shop") == {1, 3}
    assert failed.image_id not in machine.images.stored


async def test_an_image_that_is_removed_with_another_app_before_it_is_pinned_is_pulled_again(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    image = machine.registry.push(V1)
    await machine.images.pull(parse_image_reference(V1), image.digest)
    keep, is_removed = machine.images.keep, []

    async def keep_late(image_id: str, app: str, release: int) -> None:
        if not is_removed:
            is_removed.append(True)
            machine.images.lose(image_id)
        await keep(image_id, app, release)

    monkeypatch.setattr(machine.images, "keep", keep_late)

    release = await daemon.deploy(image=V1)

    assert (release.status, release.image_id) == (ReleaseStatus.ACTIVE, image.image_id)
    assert len(machine.images.pulled) == 2


async def test_an_image_is_pinned_before_hooks_of_it(machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch):
    """Else the end of another app with the same image could remove it between two hooks."""
    keep, containers = machine.images.keep, []

    async def note(image_id: str, app: str, release: int) -> None:
        containers.append(len(machine.supervisor.names))
        await keep(image_id, app, release)

    monkeypatch.setattr(machine.images, "keep", note)

    machine.supervisor.script(Behaviour(exit_code=0), process="pre_deploy")
    release = await daemon.deploy(image=V1, manifest={"hooks": {"pre_deploy": ["migrate"]}})

    assert (release.status, containers) == (ReleaseStatus.ACTIVE, [0])


async def test_without_hooks_an_image_is_pinned_while_its_instances_start_to_listen(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    """The pin is a command of podman, which takes a tenth of a deploy if nothing else happens meanwhile."""
    keep, seen = machine.images.keep, []

    async def note(image_id: str, app: str, release: int) -> None:
        operation = await machine.store.operation((await machine.store.unsettled_operations(app))[0].id)
        seen.append((len(machine.supervisor.names), operation.step("health").state.value))
        await keep(image_id, app, release)

    monkeypatch.setattr(machine.images, "keep", note)

    release = await daemon.deploy(image=V1)

    assert (release.status, seen) == (ReleaseStatus.ACTIVE, [(1, "doing")])
    assert await machine.images.kept("shop") == {1}


async def test_an_image_that_is_removed_with_another_app_before_the_instances_start_is_pulled_again(
    machine: Machine, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
):
    image = machine.registry.push(V1)
    await machine.images.pull(parse_image_reference(V1), image.digest)
    start, is_removed = machine.supervisor.start, []

    async def start_late(spec: InstanceSpec) -> None:
        if not is_removed:
            is_removed.append(True)
            machine.images.lose(image.image_id)
        if image.image_id not in machine.images.stored:
            raise StartFailed("shop did not start", why=f"{image.image_id}: image not known")
        await start(spec)

    monkeypatch.setattr(machine.supervisor, "start", start_late)

    release = await daemon.deploy(image=V1)

    assert (release.status, release.image_id) == (ReleaseStatus.ACTIVE, image.image_id)
    assert len(machine.images.pulled) == 2


async def test_an_image_that_cannot_be_pinned_fails_the_deploy_before_the_switch(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.images.fail_next("keep", RuntimeUnavailable("podman does not answer"))

    release = await daemon.deploy(image=V2)

    assert release.failure is not None
    assert (release.status, release.failure.code) == (ReleaseStatus.FAILED, RuntimeUnavailable.code)
    await assert_consistent(machine)


async def test_an_image_too_large_for_the_disk_is_not_pulled(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.registry.push(V2, size=10 * 1024**3)
    machine.host.free_disk = 12 * 1024**3
    pulled = len(machine.images.pulled)

    release = await daemon.deploy(image=V2)

    assert release.failure is not None
    assert release.failure.code == NotEnoughDisk.code
    assert "was not pulled: 13 GB of disk are free, 17 GB are needed" in release.failure.what
    assert len(machine.images.pulled) == pulled
    await assert_consistent(machine)


async def test_a_failing_prune_fails_no_deploy(machine: Machine, daemon: Daemon):
    await daemon.deploy(image=V1)
    machine.images.fail_next("kept", RuntimeUnavailable("podman does not answer"))

    release = await daemon.deploy(image=V2)
    await daemon.finish_retirements()

    assert (release.status, release.failure) == (ReleaseStatus.ACTIVE, None)
    assert (await machine.store.release("shop", 2)).failure is None  # type: ignore[union-attr]
    await assert_consistent(machine)
