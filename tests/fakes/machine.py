"""A whole machine of fakes that outlives any number of daemons, and daemons that can be killed at any journal write."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pvdify.engine.config_files import ConfigFiles
from pvdify.engine.courier import Courier
from pvdify.engine.domains import Domains
from pvdify.engine.edge import EdgeKeeper
from pvdify.engine.keyless import Keyless
from pvdify.engine.notifications import Notifications
from pvdify.engine.observations import Observations
from pvdify.engine.one_offs import OneOffRuns
from pvdify.engine.posthog import PosthogLink
from pvdify.engine.previews import PreviewRequests
from pvdify.engine.processes import Processes
from pvdify.engine.queries import Queries
from pvdify.engine.reaper import Reaper
from pvdify.engine.recipients import Recipients
from pvdify.engine.reconciler import Reconciler
from pvdify.engine.redaction.hiding import with_secrets_hidden
from pvdify.engine.redaction.one_offs import CleanOneOffs
from pvdify.engine.registries import Registries
from pvdify.engine.requests import Requests
from pvdify.engine.runner import Runner
from pvdify.engine.tokens import Tokens
from pvdify.engine.webhooks import Webhooks
from pvdify.engine.worker import Worker
from pvdify.engine.world import World
from pvdify.model.notice import Channel
from pvdify.model.operation import OperationKind
from pvdify.model.release import ReleaseStatus
from pvdify.model.slot import SlotState
from pvdify.settings import Settings, load
from tests.fakes.access_log import FakeAccessLog
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.credentials import FakeCredentials
from tests.fakes.deploy_log import FakeDeployLog
from tests.fakes.edge import FakeEdge, FakeTunnelProcess
from tests.fakes.host import FakeHost
from tests.fakes.identities import FakeIdentities
from tests.fakes.images import FakeImages, FakeRegistry
from tests.fakes.one_offs import FakeOneOffs
from tests.fakes.outlet import FakeOutlet
from tests.fakes.prober import FakeProber
from tests.fakes.public import FakePublicWeb
from tests.fakes.registry_logins import FakeRegistryLogins
from tests.fakes.router import FakeRouter
from tests.fakes.secrets import FakeSecrets
from tests.fakes.store import MemoryStore
from tests.fakes.supervisor import FakeSupervisor
from tests.support.asking import ACTOR, Asking

WEBHOOK_SECRET = "a secret that GitHub knows"
NEVER = Path("/nonexistent/pvdifyd.toml")


class Killed(BaseException):
    """The daemon was killed here; nothing of it does anything any more."""


class Machine:
    """What is still there when a daemon dies: the disk, the containers, the router, the registry."""

    def __init__(self, **settings: str) -> None:
        self.settings: Settings = load({"base_domain": "example.com", **settings}, {}, NEVER)
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.supervisor = FakeSupervisor(clock=self.clock)
        self.registry = FakeRegistry()
        self.images = FakeImages(registry=self.registry)
        self.router = FakeRouter()
        self.prober = FakeProber(clock=self.clock, supervisor=self.supervisor)
        self.secrets = FakeSecrets()
        self.host = FakeHost(supervisor=self.supervisor)
        self.deploy_log = FakeDeployLog()
        self.access_log = FakeAccessLog()
        self.code_host = FakeCodeHost(clock=self.clock, is_askable=False)
        self.credentials = FakeCredentials()
        self.public = FakePublicWeb(self.router)
        self.registry_logins = FakeRegistryLogins(self.registry)
        self.edge = FakeEdge()
        self.tunnel_process = FakeTunnelProcess()
        self.outlets = {channel: FakeOutlet() for channel in Channel}
        self.identities = FakeIdentities()
        self.one_offs = FakeOneOffs()
        self.unserved: list[str] = []

    def daemon(self, kill_at: int | None = None) -> "Daemon":
        """A daemon on this machine; ``kill_at``: the moment it dies, two for each journal write (before, after)."""
        return Daemon(self, kill_at)

    async def route_of(self, app: str) -> tuple[int, ...]:
        """The ports that visitors of the app reach right now."""
        route = (await self.router.routes()).get(app)
        return route.targets if route else ()

    async def note_unserved(self, doing: str) -> None:
        """Called after everything a daemon does to the machine: a visitor that came now must be answered."""
        if not self.router.is_running:
            return
        for app, route in (await self.router.routes()).items():
            for port in route.targets:
                container = self.supervisor.behind(port)
                if container is None or not container.is_reachable:
                    self.unserved.append(f"{app}: nothing answers on {port} after {doing}")


class Mortal:
    """A port that a dead daemon cannot reach any more, and whose every call is followed by a look at the visitors."""

    def __init__(self, port: object, daemon: "Daemon", watch: bool) -> None:
        self._port, self._daemon, self._watch = port, daemon, watch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        self._daemon.check_alive()
        if not self._watch or name in {"wait", "follow", "wait_died", "routes"}:
            return method

        async def call(*arguments: object, **named: object) -> object:
            self._daemon.check_alive()
            result = await method(*arguments, **named)
            self._daemon.check_alive()
            await self._daemon.machine.note_unserved(name)
            return result

        return call


class CountingStore:
    """The journal, which counts its writes and kills the daemon at the one it was told."""

    def __init__(self, store: MemoryStore, daemon: "Daemon") -> None:
        self._store, self._daemon = store, daemon

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        self._daemon.check_alive()
        return self._counted(method) if name in {"save", "delete_app"} else method

    def _counted(self, method: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def write(*arguments: object) -> None:
            self._daemon.moment()
            await method(*arguments)
            self._daemon.moment()

        return write


class Daemon(Asking):
    """An engine on a machine."""

    def __init__(self, machine: Machine, kill_at: int | None) -> None:
        self.machine = machine
        self.clock, self.store = machine.clock, machine.store
        self.moments = 0
        self.is_dead = False
        self._kill_at = kill_at
        self.died = asyncio.Event()
        world = World(
            settings=machine.settings,
            clock=machine.clock,
            store=CountingStore(machine.store, self),  # type: ignore[arg-type]
            images=Mortal(machine.images, self, watch=False),  # type: ignore[arg-type]
            supervisor=Mortal(machine.supervisor, self, watch=True),  # type: ignore[arg-type]
            router=Mortal(machine.router, self, watch=True),  # type: ignore[arg-type]
            prober=Mortal(machine.prober, self, watch=False),  # type: ignore[arg-type]
            secrets=Mortal(machine.secrets, self, watch=False),  # type: ignore[arg-type]
            host=machine.host,
            deploy_log=machine.deploy_log,
            access_log=machine.access_log,
            outbox=machine.store,
            credentials=machine.credentials,
            public=machine.public,
            registry_logins=machine.registry_logins,
        )
        self.world, self.redactors = with_secrets_hidden(world)
        self.runner = Runner(self.world)
        self.worker = Worker(self.world, self.runner)
        self.reconciler = Reconciler(self.world, self.worker.wake, self.worker.settled)
        self.requests = Requests(self.world, self.runner, self.worker, self.reconciler.put_routes)
        self.queries = Queries(self.world)
        self.domains = Domains(self.world, self.reconciler.put_routes)
        self.processes = Processes(self.world, self.worker)
        self.one_offs = OneOffRuns(self.world, CleanOneOffs(machine.one_offs, self.redactors))
        self.previews = PreviewRequests(self.world, self.requests)
        self.webhooks = Webhooks(self.world, self.previews, machine.code_host, (WEBHOOK_SECRET,))
        self.keyless = Keyless(self.world, machine.store, machine.code_host, machine.identities)
        self.reaper = Reaper(self.world, self.previews, machine.code_host)
        self.config_files = ConfigFiles(self.world, self.requests)
        self.recipients = Recipients(self.world)
        self.tokens = Tokens(self.world)
        self.registries = Registries(self.world)
        self.observations = Observations(self.world)
        self.courier = Courier(self.world, machine.outlets, random.Random(1))
        self.edge = EdgeKeeper(self.world, machine.edge, machine.tunnel_process, random.Random(1))
        self.notifications = Notifications(self.world, self.courier)
        self.posthog = PosthogLink(self.world)

    def check_alive(self) -> None:
        if self.is_dead:
            raise Killed

    def moment(self) -> None:
        """One of the instants at which a kill is tried."""
        self.check_alive()
        self.moments += 1
        if self.moments == self._kill_at:
            self.is_dead = True
            self.died.set()
            raise Killed

    async def finish_retirements(self) -> None:
        """Let drains and standbys end."""
        while await self.machine.store.unsettled_operations():
            await self.machine.clock.sleep(1.0)

    async def recover(self) -> None:
        """What a daemon does at its start, until nothing but retirements is left to do."""
        await self.reconciler.ensure_router()
        await self.worker.resume()
        for _ in range(3):
            await self.reconciler.reconcile()
            while any(
                operation.kind is not OperationKind.RETIRE
                for operation in await self.machine.store.unsettled_operations()
            ):
                await self.machine.clock.sleep(0.1)
            await self.machine.clock.sleep(5.0)

    async def bury(self) -> None:
        """End its tasks, as the kernel does."""
        self.is_dead = True
        self.reconciler.close()
        await self.one_offs.close()
        await self.worker.close()


async def assert_consistent(machine: Machine, app: str = "shop") -> None:
    """What has to be true whenever nothing is under way: records, route and containers tell the same story."""
    releases = await machine.store.releases(app)
    active = [release for release in releases if release.status is ReleaseStatus.ACTIVE]
    assert len(active) == 1, [(release.version, release.status.value) for release in releases]
    assert all(release.status.is_settled for release in releases)
    slots = {slot.number: slot for slot in await machine.store.slots(app)}
    live = [slot for slot in slots.values() if slot.state is SlotState.LIVE]
    assert [slot.number for slot in live] == [active[0].slot]
    assert await machine.route_of(app) == live[0].targets
    wanted = {place.name for slot in slots.values() for place in slot.placements}
    assert machine.supervisor.names <= wanted, f"orphans: {machine.supervisor.names - wanted}"
    assert all(place.is_up for place in live[0].placements), live[0].placements
    running = {place.name for place in live[0].placements}
    assert running <= machine.supervisor.running
    counts = (await machine.store.scale(app)).counts(active[0].manifest)
    assert {name: len(live[0].of(name)) for name in counts} == counts
    ports = [port for slot in slots.values() for port in slot.targets]
    assert len(ports) == len(set(ports))


def standby(seconds: float) -> dict[str, str]:
    """Settings with another standby time."""
    return {"standby": f"{timedelta(seconds=seconds).total_seconds():g}s"}


__all__ = ["ACTOR", "Daemon", "Killed", "Machine", "assert_consistent", "replace", "standby"]
