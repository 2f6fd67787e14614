"""After any sequence of requests and restarts of the daemon on real podman, exactly what is declared runs."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from pvdify.errors import AppNotFound
from pvdify.model.app import hostnames_of
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.operation import Strategy
from pvdify.model.release import Release
from pvdify.model.scale import Relative
from pvdify.model.slot import Placement, Slot, SlotState
from tests.e2e.trial import Trial
from tests.fakes.machine import assert_consistent
from tests.support.asking import ACTOR
from tests.support.histories import BROKEN, HOSTNAMES, KEYS, VERSIONS, HistoryRules
from tests.support.images import build_image, push_image
from tests.support.real_machine import Container, RealDaemon, RealMachine
from tests.support.waiting import PATIENCE
from tools.demo.stage import BASE_DOMAIN

SERVER = "echo $GREETING $COLOUR > /www/config; exec httpd -f -p $PORT -h /www"
SEEN = {"deploy.live", "deploy.failed", "rollback.live", "scale.succeeded", "restart.succeeded", "config.changed"}


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        for version in VERSIONS:
            command = "exit 3" if version == BROKEN else SERVER
            image = build_image(content=version, command=("/bin/sh", "-c", command), environment=("PATH=/bin",))
            push_image(image, trial.stage.image(version))
        yield trial


class Histories(HistoryRules):
    """One app on one machine, with any number of daemons one after the other; at last the app is destroyed."""

    def __init__(self, trial: Trial, loop: asyncio.AbstractEventLoop, machine: RealMachine) -> None:
        super().__init__()
        self.trial, self.loop, self.machine = trial, loop, machine

    def reference(self, version: str) -> str:
        return self.trial.stage.image(version)

    @initialize(web=st.integers(1, 2), worker=st.integers(0, 1))
    def begin(self, web: int, worker: int) -> None:
        self.daemon = RealDaemon(self.machine)
        self.wait(self.daemon.begin())
        self.deploy(VERSIONS[0], web, worker, overlap=False, strategy=Strategy.BLUE_GREEN)

    @rule()
    def be_replaced(self) -> None:
        """Replace the daemon by its successor, which resumes its operations."""
        self.wait(self.daemon.end())
        self.daemon = RealDaemon(self.machine)
        self.wait(self.daemon.begin())
        self.wait(self.compare())

    def teardown(self) -> None:
        self.wait(self.destroy())

    async def destroy(self) -> None:
        """Nothing is left of the app."""
        with suppress(AppNotFound):
            await self.daemon.requests.destroy_app("shop", "shop", ACTOR)
        while await self.machine.store.app("shop") is not None:
            await self.machine.clock.sleep(0.5)
        await self.daemon.end()
        machine, data_dir = self.machine, self.machine.settings.data_dir
        assert machine.containers() == ()
        assert machine.images() == []
        assert await machine.router.routes() == {}
        assert [path for path in data_dir.rglob("*") if path.is_file() and "shop" in str(path)] == []
        assert await machine.store.slots() == ()
        assert (await machine.get(machine.stage.router, f"shop.{BASE_DOMAIN}", "/"))[0] == 404

    async def compare(self) -> None:
        """Assert that what runs equals what is declared, once background work has ended."""
        live = await self.machine.store.active_release("shop")
        if live is not None:
            await self.daemon.reconciler.reconcile()
        deadline = time.monotonic() + PATIENCE  # retirements go on beside everything
        while True:
            try:
                return await (self.check_containers(live) if live is not None else self.check_without_release())
            except AssertionError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    async def check_without_release(self) -> None:
        assert not any(container.is_running for container in self.machine.containers())

    async def check_containers(self, live: Release) -> None:
        machine = self.machine
        containers = {container.name: container for container in machine.containers()}
        await assert_consistent(machine)  # type: ignore[arg-type]
        (slot,) = [it for it in await machine.store.slots("shop") if it.state is SlotState.LIVE]
        config = await machine.world.secrets.read("shop", live.config_version)
        expected = [live.image.rpartition(":")[2], " ".join(config[key].value for key in KEYS if key in config)]
        for place in slot.placements:
            check(containers[place.name], place, slot, live)
            if place.endpoint is not NO_ROUTE:
                assert await self.answers(str(place.endpoint), "") == expected
        await self.check_routes(live, slot, expected)

    async def check_routes(self, live: Release, slot: Slot, expected: list[str]) -> None:
        """Assert that each hostname reaches the release, and that no other hostname does."""
        machine = self.machine
        app = await machine.store.app("shop")
        assert app is not None
        hostnames = hostnames_of(app, BASE_DOMAIN, live.manifest)
        assert set((await machine.router.routes())["shop"].hostnames) == set(hostnames)
        for hostname in hostnames:
            if slot.targets:
                assert await self.answers(machine.stage.router, hostname) == expected
            else:
                assert (await machine.get(machine.stage.router, hostname, "/"))[0] == 503
        for hostname in set(HOSTNAMES) - set(hostnames):
            assert (await machine.get(machine.stage.router, hostname, "/"))[0] == 404

    async def answers(self, address: str, hostname: str) -> list[str]:
        """The version and the config vars that answer there."""
        pages = [await self.machine.get(address, hostname or address, path) for path in ("/index.html", "/config")]
        return [text.strip() for status, text in pages if status == 200]


def check(container: Container, place: Placement, slot: Slot, live: Release) -> None:
    """The container is what its place and the release say."""
    port = "" if place.endpoint is NO_ROUTE else place.endpoint.port
    labels = {"slot": slot.number, "process": place.process, "number": place.number, "port": port}
    assert {name: container.labels[f"io.pvdify.{name}"] for name in labels} == {
        name: str(value) for name, value in labels.items()
    }
    assert container.image_id == live.image_id
    assert container.host_ports == ((place.endpoint.port,) if place.endpoint is not NO_ROUTE else ())


@pytest.fixture
def play(trial: Trial) -> Iterator[Callable[[], Histories]]:
    """Return a function that makes a history on an empty machine."""
    with asyncio.Runner() as runner:  # ends what ended engines have left, such as calls of podman
        machine = RealMachine(trial.stage, speed=10)
        runner.run(machine.open())
        yield lambda: Histories(trial, runner.get_loop(), machine)
        runner.run(machine.close())


def test_after_any_history_what_is_declared_runs_and_a_destroyed_app_leaves_nothing(
    play: Callable[[], Histories],
) -> None:
    run_state_machine_as_test(
        play,
        settings=settings(
            max_examples=6, stateful_step_count=8, deadline=None, derandomize=True, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_what_is_declared_runs_after_each_move_once(play: Callable[[], Histories]) -> None:
    history = play()

    history.begin(web=1, worker=1)
    history.change_config(KEYS[0], "one")
    history.deploy(VERSIONS[1], 2, 1, overlap=False, strategy=Strategy.STOP_FIRST)
    history.deploy(BROKEN, 1, 1, overlap=False, strategy=Strategy.STOP_FIRST)
    history.deploy(BROKEN, 1, 1, overlap=False, strategy=Strategy.BLUE_GREEN)
    history.scale("web", 3, Relative.SET)
    history.restart("worker")
    history.be_replaced()
    history.roll_back(None, Strategy.BLUE_GREEN)
    history.change_domains(HOSTNAMES[0], is_added=True)
    history.stop_or_start(is_stopped=True)
    history.stop_or_start(is_stopped=False)
    happened = {event.action for event in history.wait(history.machine.store.events("shop", 10_000))}
    history.teardown()

    assert happened >= SEEN
