"""A machine of fakes that outlives its daemons, and daemons that can be killed at any journal write."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from pvdify.adapters.webauthn.passkeys import WebauthnPasskeys
from pvdify.engine.state.backups.tools import BackupTools
from pvdify.engine.wiring import Wired, build_engine
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World
from pvdify.model.endpoint import Endpoint
from pvdify.model.notice import Channel
from pvdify.model.operation import OperationKind
from pvdify.model.release import ReleaseStatus
from pvdify.model.slot import SlotState
from pvdify.ports.outbox import Outbox
from pvdify.ports.runtime import Runtime
from pvdify.settings import Settings, load
from tests.fakes.access_log import FakeAccessLog
from tests.fakes.backups import FakeBackups
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.credentials import FakeCredentials
from tests.fakes.deploy_log import FakeDeployLog
from tests.fakes.disk_meter import FakeDiskMeter
from tests.fakes.edge import FakeEdge, FakeTunnelProcess
from tests.fakes.host import FakeHost
from tests.fakes.identities import FakeIdentities
from tests.fakes.images import FakeImages, FakeRegistry
from tests.fakes.job_log import FakeJobLog
from tests.fakes.one_offs import FakeInside, FakeOneOffs
from tests.fakes.outlet import FakeOutlet
from tests.fakes.places import HOST, FakePlaces
from tests.fakes.private_networks import FakePrivateNetworks
from tests.fakes.prober import FakeProber
from tests.fakes.public import FakePublicWeb
from tests.fakes.registry_logins import FakeRegistryLogins
from tests.fakes.router import FakeRouter
from tests.fakes.runtime_options import FakeRuntimeOptions
from tests.fakes.secrets import FakeSecrets
from tests.fakes.sign_in_provider import FakeSignInProvider
from tests.fakes.store import MemoryStore
from tests.fakes.supervisor import FakeSupervisor
from tests.fakes.volume_transfers import FakeVolumeTransfers
from tests.fakes.volumes import FakeVolumes
from tests.support.asking import ACTOR, Asking

WEBHOOK_SECRET = "a secret that GitHub knows"
NEVER = Path("/nonexistent/pvdifyd.toml")


class Killed(BaseException):
    """The daemon was killed here; nothing of it does anything any more."""


class Machine:
    """What remains when a daemon is killed: the disk, the containers, the router, the registry."""

    def __init__(self, clock: FakeClock | None = None, **settings: str) -> None:
        self.settings: Settings = load({"base_domain": "example.com", **settings}, {}, NEVER)
        self.clock = clock or FakeClock()
        self.store = MemoryStore()
        self.supervisor = FakeSupervisor(clock=self.clock)
        self.volumes = FakeVolumes(self.supervisor)
        self.backups = FakeBackups(self.supervisor)
        self.disk_meter = FakeDiskMeter()
        self.volume_transfers: FakeVolumeTransfers | None = None  # a cluster beside the machine needs them
        self.private_networks = FakePrivateNetworks(self.supervisor)
        self.registry = FakeRegistry()
        self.images = FakeImages(registry=self.registry)
        self.router = FakeRouter()
        self.prober = FakeProber(clock=self.clock, supervisor=self.supervisor)
        self.secrets = FakeSecrets()
        self.host = FakeHost()
        self.places = FakePlaces(self.settings.ports, supervisor=self.supervisor)
        self.deploy_log = FakeDeployLog()
        self.job_log = FakeJobLog()
        self.access_log = FakeAccessLog()
        self.code_host = FakeCodeHost(clock=self.clock, is_askable=False)
        self.credentials = FakeCredentials()
        self.public = FakePublicWeb(self.router)
        self.registry_logins = FakeRegistryLogins(self.registry)
        self.edge = FakeEdge()
        self.tunnel_process = FakeTunnelProcess()
        self.outlets = {channel: FakeOutlet() for channel in Channel}
        self.identities = FakeIdentities()
        self.sign_in_provider = FakeSignInProvider()
        self.one_offs = FakeOneOffs()
        self.inside = FakeInside(lambda name: name in self.supervisor.running)
        self.outbox: Outbox | None = None  # the store, unless a test sets another
        self.runtime_options = FakeRuntimeOptions()
        self.unserved: list[str] = []
        self.is_watched = True  # whether every call is followed by a check for unserved visitors

    def daemon(self, kill_at: int | None = None) -> "Daemon":
        """A daemon on this machine; ``kill_at``: the moment it dies, two for each journal write (before, after)."""
        return Daemon(self, kill_at)

    async def route_of(self, app: str) -> tuple[int, ...]:
        """The ports that visitors of the app reach right now, all on the machine of the fakes."""
        route = (await self.router.routes()).get(app)
        return ports_of(route.targets) if route else ()

    async def note_unserved(self, doing: str) -> None:
        """Called after everything a daemon does to the machine: a visitor that came now must be answered."""
        if not self.router.is_running:
            return
        for app, route in (await self.router.routes()).items():
            for target in route.targets:
                container = self.supervisor.behind(target)
                if container is None or not container.is_reachable:
                    self.unserved.append(f"{app}: nothing answers on {target} after {doing}")


QUIET = {"wait", "follow", "history", "output", "wait_died", "routes", "api_key"}  # change nothing that visitors notice


class Mortal:
    """A port that a killed daemon can no longer call. A check for unserved visitors follows each call."""

    def __init__(self, port: object, daemon: "Daemon", watch: bool) -> None:
        self._port, self._daemon, self._watch = port, daemon, watch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        self._daemon.check_alive()
        if not (self._watch and self._daemon.machine.is_watched) or name in QUIET:
            return method

        async def call(*arguments: object, **named: object) -> object:
            self._daemon.check_alive()
            result = await method(*arguments, **named)
            self._daemon.check_alive()
            await self._daemon.machine.note_unserved(name)
            return result

        return call


WRITES = {"save", "delete_app", "rename_apps", "forget_service", "forget_service_link"}


class CountingStore:
    """The journal, which counts its writes and kills the daemon at the chosen one."""

    def __init__(self, store: MemoryStore, daemon: "Daemon") -> None:
        self._store, self._daemon = store, daemon

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        self._daemon.check_alive()
        return self._counted(method) if name in WRITES else method

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
        self.runtime = self._runtime(machine)
        self.outside = self._outside(machine)
        self._expose(build_engine(self._world(machine, self.runtime), self.outside))

    def _runtime(self, machine: Machine) -> Runtime:
        """The fakes as one runtime, out of reach once the daemon is dead."""
        supervisor = Mortal(machine.supervisor, self, watch=True)
        return Runtime(
            instances=supervisor,  # type: ignore[arg-type]
            logs=supervisor,  # type: ignore[arg-type]
            networks=Mortal(machine.supervisor.networks, self, watch=True),  # type: ignore[arg-type]
            places=machine.places,
            inspector=supervisor,  # type: ignore[arg-type]
            images=Mortal(machine.images, self, watch=False),  # type: ignore[arg-type]
            volumes=Mortal(machine.volumes, self, watch=False),  # type: ignore[arg-type]
            disk_meter=machine.disk_meter,
            private_networks=Mortal(machine.private_networks, self, watch=False),  # type: ignore[arg-type]
            registry_logins=machine.registry_logins,
            one_offs=machine.one_offs,
            inside=machine.inside,
            tunnel_process=machine.tunnel_process,
        )

    def _world(self, machine: Machine, runtime: Runtime) -> World:
        transfers = machine.volume_transfers
        return World(
            settings=machine.settings,
            clock=machine.clock,
            store=CountingStore(machine.store, self),  # type: ignore[arg-type]
            images=runtime.images,
            instances=runtime.instances,
            container_changes=machine.supervisor.container_changes,
            instance_logs=runtime.logs,
            networks=runtime.networks,
            places=runtime.places,
            inspector=runtime.inspector,
            volumes=runtime.volumes,
            volume_transfers=transfers and Mortal(transfers, self, watch=True),  # type: ignore[arg-type]
            disk_meter=runtime.disk_meter,
            private_networks=runtime.private_networks,
            inside=Mortal(machine.inside, self, watch=False),  # type: ignore[arg-type]
            registry_logins=runtime.registry_logins,
            router=Mortal(machine.router, self, watch=True),  # type: ignore[arg-type]
            prober=Mortal(machine.prober, self, watch=False),  # type: ignore[arg-type]
            secrets=Mortal(machine.secrets, self, watch=False),  # type: ignore[arg-type]
            host=machine.host,
            deploy_log=machine.deploy_log,
            job_log=Mortal(machine.job_log, self, watch=False),  # type: ignore[arg-type]
            access_log=machine.access_log,
            outbox=machine.outbox or machine.store,
            credentials=machine.credentials,
            public=machine.public,
        )

    def _outside(self, machine: Machine) -> Outside:
        backups = Mortal(machine.backups, self, watch=False)
        return Outside(
            one_offs=machine.one_offs,
            inside=machine.inside,
            edge=machine.edge,
            tunnel_process=machine.tunnel_process,
            code_host=machine.code_host,
            identities=machine.identities,
            links=machine.store,
            people=machine.store,
            samples=machine.store,
            sign_in_provider=machine.sign_in_provider,
            passkey_checks=WebauthnPasskeys(),
            runtime_options=machine.runtime_options,
            outlets=machine.outlets,
            webhook_secrets=(WEBHOOK_SECRET,),
            backup_tools=BackupTools(targets=backups, files=backups, copies=backups),  # type: ignore[arg-type]
            chance=random.Random(1),
        )

    def _expose(self, wired: Wired) -> None:
        """Every part of the engine by its own name, as tests ask for them."""
        self.engine = engine = wired.engine
        self.requests, self.queries, self.domains = engine.requests, engine.queries, engine.domains
        self.processes, self.volumes, self.jobs = engine.processes, engine.volumes, engine.jobs
        self.one_offs, self.previews, self.webhooks = engine.one_offs, engine.previews, engine.webhooks
        self.keyless, self.config_files, self.recipients = engine.keyless, engine.config_files, engine.recipients
        self.tokens, self.sessions, self.registries = engine.tokens, engine.sessions, engine.registries
        self.users, self.provider_sign_in, self.passkeys = engine.users, engine.provider_sign_in, engine.passkeys
        self.observations, self.notifications = engine.observations, engine.notifications
        self.samples = engine.samples
        self.posthog, self.edge = engine.posthog, engine.edge
        self.world, self.redactors, self.running = wired.world, wired.redactors, wired.running
        self.runner, self.worker, self.reconciler = wired.runner, wired.worker, wired.reconciler
        self.reaper, self.scheduler, self.courier = wired.reaper, wired.scheduler, wired.courier
        self.liveness = wired.liveness
        self.backups, self.keeper = engine.backups, wired.keeper
        self.renames = engine.renames
        self.runtime_moves, self.runtime_plan = engine.runtime_moves, engine.runtime_plan
        self.services, self.service_links = engine.services, engine.service_links
        self.service_keeper = wired.service_keeper

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
        await self.renames.recover()
        await self.runtime_moves.recover()
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
        await self.scheduler.close()
        await self.service_keeper.close()
        await self.one_offs.close()
        await self.worker.close()


async def assert_consistent(machine: Machine, app: str = "shop") -> None:
    """Assert that records, route and containers agree, as they must whenever no operation is under way."""
    releases = await machine.store.releases(app, 1000)
    active = [release for release in releases if release.status is ReleaseStatus.ACTIVE]
    assert len(active) == 1, [(release.version, release.status.value) for release in releases]
    assert all(release.status.is_settled for release in releases)
    slots = {slot.number: slot for slot in await machine.store.slots(app)}
    live = [slot for slot in slots.values() if slot.state is SlotState.LIVE]
    assert [slot.number for slot in live] == [active[0].slot]
    assert await machine.route_of(app) == tuple(target.port for target in live[0].targets)
    wanted = {place.name for slot in await machine.store.slots() for place in slot.placements}
    assert machine.supervisor.names <= wanted, f"orphans: {machine.supervisor.names - wanted}"
    assert all(place.is_up for place in live[0].placements), live[0].placements
    running = {place.name for place in live[0].placements}
    assert running <= machine.supervisor.running
    counts = (await machine.store.scale(app)).counts(active[0].manifest)
    assert {name: len(live[0].of(name)) for name in counts} == counts
    targets = [target for slot in slots.values() for target in slot.targets]
    assert len(targets) == len(set(targets))


def ports_of(endpoints: Iterable[Endpoint]) -> tuple[int, ...]:
    """The ports of endpoints, which are all on the machine of the fakes."""
    found = tuple(endpoints)
    assert {endpoint.host for endpoint in found} <= {HOST}, found
    return tuple(endpoint.port for endpoint in found)


def standby(seconds: float) -> dict[str, str]:
    """Settings with another standby time."""
    return {"standby": f"{timedelta(seconds=seconds).total_seconds():g}s"}


__all__ = ["ACTOR", "Daemon", "Killed", "Machine", "assert_consistent", "replace", "standby"]
