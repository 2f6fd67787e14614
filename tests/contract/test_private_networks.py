"""Contract of the ``private_networks`` port: the fake, and podman."""

from dataclasses import dataclass, replace

import pytest

from pvdify.adapters.podman.networks.private_networks import PodmanPrivateNetworks
from pvdify.model.instance import InstanceSpec, Limits, Role
from pvdify.model.private_network import PrivateNetwork
from pvdify.ports.instances import Instances
from pvdify.ports.private_networks import PrivateNetworks
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.private_networks import FakePrivateNetworks
from tests.fakes.supervisor import FakeSupervisor
from tests.support.images import build_image, image_id
from tests.support.podman import missing_for_systemd

REAL = [pytest.param("podman", marks=pytest.mark.podman), pytest.param("systemd", marks=pytest.mark.systemd)]
SERVES = "exec httpd -f -p 8080 -h /www"
# busybox alone cannot look up names, so it reads the hosts file itself
REACHES = (
    "at=$(/bin/busybox awk '$2 == \"db\" {print $1}' /etc/hosts); "
    "for i in 1 2 3 4 5; do "
    "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | /bin/busybox nc -w 2 $at 8080 "
    "| /bin/busybox grep -q '200 OK' && exit 0; "
    "sleep 1; done; exit 1"
)


@dataclass
class World:
    supervisor: Instances
    networks: PrivateNetworks
    image_id: str


@pytest.fixture(params=["fake", *REAL])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        supervisor = FakeSupervisor(clock=FakeClock())
        supervisor.script(Behaviour(exit_code=0, exit_after=0.1), command=REACHES)
        return World(supervisor, FakePrivateNetworks(supervisor), "image")
    server = request.getfixturevalue("real_podman")
    if request.param == "systemd" and (missing := missing_for_systemd()):
        pytest.skip(missing)
    make = server.supervisor if request.param == "podman" else server.systemd_supervisor
    return World(make().instances, PodmanPrivateNetworks(calls=server.calls()), image_id(build_image(content="hello")))


async def network(world: World, app: str = "shop") -> PrivateNetwork:
    return PrivateNetwork(id=f"db.{app}", subnet=await world.networks.make(f"db.{app}"), hostname="db")


def service(world: World, *networks: PrivateNetwork) -> InstanceSpec:
    return InstanceSpec(
        name="pvdify-service--db-service-v1-1", app="service--db", process="service", slot=1, number=1,
        role=Role.SERVICE, image_id=world.image_id, command=SERVES, networks=networks, ports=(8080,),
        limits=Limits(memory=64 * 1024**2),
    )  # fmt: skip


def app(world: World, *networks: PrivateNetwork, number: int = 1, name: str = "shop") -> InstanceSpec:
    return InstanceSpec(
        name=f"pvdify-{name}-job-v1-{number}", app=name, process="job", slot=1, number=number, role=Role.JOB,
        image_id=world.image_id, command=REACHES, networks=networks, limits=Limits(memory=64 * 1024**2),
    )  # fmt: skip


async def reaches(world: World, spec: InstanceSpec) -> bool:
    await world.supervisor.start(spec)
    code = (await world.supervisor.wait(spec.name)).code
    await world.supervisor.remove(spec.name)
    return code == 0


async def test_a_network_is_made_once_and_has_one_subnet(world: World):
    first, again = await network(world), await network(world)
    other = await network(world, "blog")

    assert first == again
    assert other.subnet != first.subnet
    assert await world.networks.find() == {"db.shop", "db.blog"}


async def test_an_app_reaches_a_service_that_was_connected_while_it_ran(world: World):
    link = await network(world)
    await world.supervisor.start(service(world))

    await world.networks.connect(service(world).name, link)
    await world.networks.connect(service(world).name, link)

    assert await reaches(world, app(world, link))


async def test_a_recreated_service_keeps_its_address(world: World):
    link = await network(world)
    await world.supervisor.start(service(world, link))
    assert await reaches(world, app(world, link))

    await world.supervisor.remove(service(world).name)
    await world.supervisor.start(service(world, link))

    assert await reaches(world, app(world, link, number=2))


async def test_a_used_network_is_kept_and_an_unused_one_removed(world: World):
    link = await network(world)
    await world.supervisor.start(service(world, link))

    await world.networks.remove(link.id)
    assert await world.networks.find() == {link.id}

    await world.networks.disconnect(service(world).name, link)
    await world.networks.disconnect(service(world).name, link)
    await world.supervisor.refresh(service(world))
    await world.networks.remove(link.id)
    assert await world.networks.find() == frozenset()


@pytest.mark.podman
async def test_unlinked_containers_cannot_reach_a_service(real_podman):
    world = World(
        real_podman.supervisor().instances, PodmanPrivateNetworks(calls=real_podman.calls()),
        image_id(build_image(content="hello")),
    )  # fmt: skip
    shop, blog = await network(world), await network(world, "blog")
    await world.supervisor.start(service(world, shop))
    stranger = app(world, name="other")
    command = REACHES.replace("$at", shop.address).replace("1 2 3 4 5", "1")

    assert await reaches(world, app(world, shop))
    assert not await reaches(world, replace(stranger, command=command))
    assert not await reaches(world, replace(app(world, blog, name="blog"), command=command))
