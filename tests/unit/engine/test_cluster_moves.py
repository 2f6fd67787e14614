"""Apps move between one machine and a cluster, which share no images, volumes or networks."""

import pytest

from pvdify.adapters.beside_cluster.storage import ImagesBesideCluster, PlacesBesideCluster
from pvdify.errors import InvalidError
from pvdify.model.image import is_in_cluster
from pvdify.model.runtime_choice import MoveState
from pvdify.model.slot import SlotState
from tests.fakes.images import FakeClusterImages
from tests.fakes.machine import Daemon, Machine, assert_consistent
from tests.fakes.places import FakePlaces
from tests.fakes.volume_transfers import FakeVolumeTransfers
from tests.unit.engine.test_runtime_moves import (
    ADMIN,
    V1,
    V2,
    WITH_WORKER,
    _finish_move,
    _move,
    _move_and_kill,
)
from tests.unit.engine.test_services import POSTGRES, create

LOCAL = "localhost/shop:v1"


class MachineBesideCluster(Machine):
    """A machine whose settings name a cluster, too. Its places and images note which side was asked."""

    def __init__(self, **settings: str) -> None:
        super().__init__(runtime="podman", **settings)
        self.registry.push(V1)
        self.registry.push(V2, content="v2")
        self.runtime_options.names = ("podman", "systemd", "kubernetes")
        self.local_images, self.cluster_images = self.images, FakeClusterImages(registry=self.registry)
        self.images = ImagesBesideCluster(local=self.local_images, cluster=self.cluster_images)  # type: ignore[assignment]
        self.cluster_places = FakePlaces(self.settings.ports, supervisor=self.supervisor)
        self.cluster_places.others = set(range(3001, 3500))  # so that an address says who gave it
        self.places.others = set(range(3500, 4000))
        self.places = PlacesBesideCluster(local=self.places, cluster=self.cluster_places)  # type: ignore[assignment]
        self.volume_transfers = self.transfers = FakeVolumeTransfers(clock=self.clock, supervisor=self.supervisor)

    async def live(self, app: str = "shop") -> tuple[str, bool, bool]:
        """Runtime of the live slot; whether its image and its addresses are of the cluster."""
        (slot,) = [slot for slot in await self.store.slots(app) if slot.state is SlotState.LIVE]
        specs = [it for it in self.supervisor.started if it.app == app and it.slot == slot.number]
        images = {is_in_cluster(spec.image_id) for spec in specs}
        runtimes = {spec.runtime for spec in specs}
        assert (len(images), runtimes) == (1, {slot.runtime})
        return slot.runtime, images.pop(), all(it.port >= 3500 for it in slot.endpoints)


IN_CLUSTER, HERE = ("kubernetes", True, True), ("podman", False, False)


async def test_an_app_moves_to_the_cluster_and_back_with_images_and_addresses_of_each_side():
    machine = MachineBesideCluster()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1, WITH_WORKER)
    v1 = await machine.store.active_release("shop")
    assert v1 is not None

    await _move(daemon, "kubernetes")
    there = await machine.live()
    await _move(daemon, "podman")

    assert (there, await machine.live()) == (IN_CLUSTER, HERE)
    live = await machine.store.active_release("shop")
    assert live is not None
    assert (live.digest, live.image_id, live.config_version) == (v1.digest, v1.image_id, v1.config_version)
    assert len(machine.cluster_images.pulled) == len(machine.local_images.pulled) == 1
    assert machine.unserved == []
    await assert_consistent(machine)
    await daemon.bury()


async def test_a_rollback_in_the_cluster_to_a_release_from_before_the_move_runs_in_the_cluster():
    machine = MachineBesideCluster()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.deploy("shop", V2)
    await _move(daemon, "kubernetes")

    await daemon.rollback("shop")

    live = await machine.store.active_release("shop")
    assert live is not None
    assert (live.image, live.repeats, await machine.live()) == (V1, 1, IN_CLUSTER)
    await daemon.bury()


async def _moved_with_a_kill(kill_at: int) -> tuple[int, MachineBesideCluster]:
    """Move an app, kill pvdifyd at this moment, and let its successor finish; return how many moments there were."""
    machine = MachineBesideCluster()
    peaceful = machine.daemon()
    await peaceful.deploy("shop", V1)
    await peaceful.bury()
    return await _move_and_kill(machine, "kubernetes", kill_at), machine


@pytest.mark.slow
async def test_a_move_to_the_cluster_ends_right_wherever_pvdifyd_is_killed():
    moments, _ = await _moved_with_a_kill(10**9)
    assert moments > 30

    for kill_at in range(1, moments + 1):
        _, machine = await _moved_with_a_kill(kill_at)

        choice = await machine.store.runtime_choice()
        assert await machine.live() == (HERE if choice is None else IN_CLUSTER), kill_at
        assert machine.unserved == [], kill_at
        await assert_consistent(machine)


async def test_an_app_linked_to_a_service_of_this_machine_stays_is_named_and_is_deployed_here():
    machine = MachineBesideCluster()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await daemon.deploy("blog", V2)
    await _with_link(daemon, "shop")

    planned = await daemon.runtime_plan.show("kubernetes")
    await _move(daemon, "kubernetes")
    await daemon.deploy("shop", V2)

    by_app = {app.app: (app.state, app.problem) for app in planned.apps}
    assert by_app["blog"] == ("to move", "")
    assert by_app["shop"][0] == "stays"
    assert "service db" in by_app["shop"][1]
    assert (await machine.live(), await machine.live("blog")) == (HERE, IN_CLUSTER)
    assert "not moved: shop" in next(event.text for event in await machine.store.events() if "moved" in event.text)
    await daemon.bury()


async def test_a_move_does_not_wait_for_the_standby_release_of_an_app_that_stays():
    machine = MachineBesideCluster(standby="10m")
    daemon = machine.daemon()
    await daemon.deploy("blog", V2)
    await daemon.deploy("shop", V1)
    await _with_link(daemon, "shop")
    await daemon.deploy("shop", V2)
    begun = daemon.clock.monotonic()

    await _move(daemon, "kubernetes")

    assert daemon.clock.monotonic() - begun < 60
    assert (await machine.live(), await machine.live("blog")) == (HERE, IN_CLUSTER)
    assert [slot.state for slot in await machine.store.slots("shop")].count(SlotState.STANDBY) == 1
    await daemon.bury()


async def test_an_app_in_the_cluster_is_not_linked_to_a_service_of_this_machine():
    machine = MachineBesideCluster()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    await _move(daemon, "kubernetes")

    with pytest.raises(InvalidError, match="was not linked to db") as refused:
        await _with_link(daemon, "shop")

    assert "no private network joins the two" in refused.value.why
    assert {spec.runtime for spec in machine.supervisor.started if spec.app != "shop"} == {"podman"}
    await daemon.bury()


async def test_an_image_of_this_machine_alone_fails_to_move_with_its_cause():
    machine = MachineBesideCluster()
    machine.local_images.load(LOCAL, machine.registry.push("reg.example.com/x:1"))
    daemon = machine.daemon()
    await daemon.deploy("shop", LOCAL)

    await _move(daemon, "kubernetes")

    planned = await daemon.runtime_plan.show("kubernetes")
    assert (planned.apps[0].state, "is not in a registry" in planned.apps[0].problem) == ("failed", True)
    assert await machine.live() == HERE
    await daemon.bury()


async def test_a_choice_between_pull_and_start_does_not_tear_a_deploy_apart():
    machine = MachineBesideCluster()
    daemon = machine.daemon()
    await daemon.deploy("shop", V1)
    pulled = machine.local_images.keep

    async def choose_meanwhile(image_id: str, app: str, release: int) -> None:
        await pulled(image_id, app, release)
        if release == 2:
            await daemon.runtime_moves.choose("kubernetes", ADMIN)

    machine.local_images.keep = choose_meanwhile  # type: ignore[method-assign] # the moment that a person chooses
    await daemon.deploy("shop", V2)
    between = await machine.live()
    await _finish_move(daemon)

    choice = await machine.store.runtime_choice()
    assert choice is not None
    assert (between, await machine.live(), choice.state) == (HERE, IN_CLUSTER, MoveState.SETTLED)
    await daemon.bury()


async def _with_link(daemon: Daemon, app: str) -> None:
    """Create a service, and link the app to it."""
    daemon.machine.registry.push(POSTGRES)
    await create(daemon)
    await daemon.service_links.link("db", app, None, ADMIN)
