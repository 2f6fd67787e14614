"""Contract of the ``volumes`` port: the fake, and podman."""

from dataclasses import dataclass
from typing import Protocol

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.errors import VolumeInUse
from pvdify.model.instance import InstanceSpec, Limits
from pvdify.model.volume import Mount
from pvdify.ports.clock import Clock
from pvdify.ports.volumes import Volumes
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.supervisor import FakeSupervisor
from tests.fakes.volumes import FakeVolumes
from tests.support.images import build_image, image_id
from tests.support.podman import Supervisor, missing_for_systemd

REAL = [pytest.param("podman", marks=pytest.mark.podman), pytest.param("systemd", marks=pytest.mark.systemd)]
WRITES = "echo kept > /data/file"
READS = 'test "$(cat /data/file)" = kept'
STAYS = "exec sleep 1000"
FINDS_NOTHING = "test ! -e /data/file"


class World(Protocol):
    supervisor: Supervisor
    volumes: Volumes
    clock: Clock
    image_id: str


@dataclass
class AnyWorld:
    supervisor: Supervisor
    volumes: Volumes
    clock: Clock
    image_id: str = "image"


@pytest.fixture(params=["fake", *REAL])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        supervisor = FakeSupervisor(clock=(clock := FakeClock()))
        for command in (WRITES, READS, FINDS_NOTHING):
            supervisor.script(Behaviour(exit_code=0, exit_after=0.1), command=command)
        return AnyWorld(supervisor, FakeVolumes(supervisor), clock)
    server = request.getfixturevalue("real_podman")
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    make = server.supervisor if request.param == "podman" else server.systemd_supervisor
    return AnyWorld(make(), server.calls().volumes, SystemClock(), image_id(build_image(content="hello")))


def spec(world: World, command: str, number: int, *mounts: Mount) -> InstanceSpec:
    return InstanceSpec(
        name=f"pvdify-shop-worker-v{number}-1", app="shop", process="worker", slot=number, number=1,
        image_id=world.image_id, command=command, limits=Limits(memory=64 * 1024**2), mounts=mounts,
    )  # fmt: skip


async def exit_code(world: World, wanted: InstanceSpec) -> int:
    await world.supervisor.instances.create(wanted)
    await world.supervisor.instances.start(wanted)
    return (await world.supervisor.instances.wait(wanted.name)).code


async def test_a_volume_keeps_files_for_the_next_container(world: World):
    data = Mount(path="/data", volume="shop-data-1")
    assert await exit_code(world, spec(world, WRITES, 1, data)) == 0
    await world.supervisor.instances.remove("pvdify-shop-worker-v1-1")

    assert await exit_code(world, spec(world, READS, 2, data)) == 0
    assert await world.volumes.find() == {"shop-data-1": "shop"}


async def test_an_ephemeral_volume_is_empty_at_each_start(world: World):
    assert await exit_code(world, spec(world, WRITES, 1, Mount(path="/data"))) == 0
    await world.supervisor.instances.remove("pvdify-shop-worker-v1-1")

    assert await exit_code(world, spec(world, FINDS_NOTHING, 2, Mount(path="/data"))) == 0
    assert await world.volumes.find() == {}


async def test_a_used_volume_is_not_removed(world: World):
    await world.supervisor.instances.start(spec(world, STAYS, 1, Mount(path="/data", volume="shop-data-1")))

    with pytest.raises(VolumeInUse):
        await world.volumes.remove("shop-data-1")

    assert await world.volumes.find() == {"shop-data-1": "shop"}


async def test_removing_a_volume_is_idempotent(world: World):
    await world.supervisor.instances.create(spec(world, WRITES, 1, Mount(path="/data", volume="shop-data-1")))
    await world.supervisor.instances.remove("pvdify-shop-worker-v1-1")

    await world.volumes.remove("shop-data-1")
    await world.volumes.remove("shop-data-1")

    assert await world.volumes.find() == {}
    assert await world.volumes.size("shop-data-1") is None


async def test_the_size_of_a_volume_is_known(world: World):
    await world.supervisor.instances.start(spec(world, STAYS, 1, Mount(path="/data", volume="shop-data-1")))

    size = await world.volumes.size("shop-data-1")

    assert size is not None
    assert size > 0


async def test_a_copy_is_complete_and_independent_of_its_source(world: World):
    source, copy = Mount(path="/data", volume="shop-data-1"), Mount(path="/data", volume="shop-data-2")
    assert await exit_code(world, spec(world, WRITES, 1, source)) == 0

    await world.volumes.copy("shop-data-1", "shop-data-2", "shop")

    assert await exit_code(world, spec(world, READS, 2, copy)) == 0
    assert await world.volumes.find() == {"shop-data-1": "shop", "shop-data-2": "shop"}
