"""Builds the engine from the ports. The daemon and every test build their engine here.

Each room is wired in the module of its name, which passes each port to the parts by name.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, replace

from pvdify.engine.deploys.runner import Runner
from pvdify.engine.deploys.worker import Worker
from pvdify.engine.front_door import Engine
from pvdify.engine.notifying.courier import Courier
from pvdify.engine.previews.reaper import Reaper
from pvdify.engine.redaction.hiding import with_secrets_hidden
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.running.liveness import Liveness
from pvdify.engine.running.reconciler import Reconciler
from pvdify.engine.running.renamed import with_former_names
from pvdify.engine.state.backups.keeper import BackupKeeper
from pvdify.engine.state.disk_watch import DiskWatch
from pvdify.engine.state.jobs.scheduler import Scheduler
from pvdify.engine.state.services.keeper import ServiceKeeper
from pvdify.engine.wiring.access import AccessParts, wire_access, wire_registries
from pvdify.engine.wiring.deploys import DeployParts, RuntimeParts, wire_deploys, wire_runtime, wire_worker
from pvdify.engine.wiring.edge import EdgeParts, wire_edge
from pvdify.engine.wiring.notifying import NotifyingParts, wire_notifying
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.wiring.previews import PreviewParts, wire_previews
from pvdify.engine.wiring.reading import ReadingParts, wire_reading
from pvdify.engine.wiring.running import RunningParts, wire_reconciler, wire_running
from pvdify.engine.wiring.state import StateParts, wire_state
from pvdify.engine.world import World
from pvdify.engine.world.counted_credentials import CountedCredentials
from pvdify.engine.world.urls import PublicUrls
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Wired:
    """The whole engine: its front door, and the parts that work in the background.

    ``world``: the engine's ports, with secrets redacted by ``redactors``. ``running``: the shared parts of that room.
    """

    engine: Engine
    world: World
    redactors: Redactors
    running: RunningParts
    runner: Runner
    worker: Worker
    reconciler: Reconciler
    liveness: Liveness
    reaper: Reaper
    scheduler: Scheduler
    keeper: BackupKeeper
    disk_watch: DiskWatch
    service_keeper: ServiceKeeper
    courier: Courier

    def background_work(self) -> tuple[Coroutine[None, None, None], ...]:
        """Return the coroutines of the background work, each of which runs until canceled."""
        return (
            self.reconciler.keep_router(),
            self.reconciler.run(),
            self.liveness.run(),
            self.reaper.run(),
            self.scheduler.run(),
            self.keeper.run(),
            self.service_keeper.run(),
            self.courier.run(),
            self.engine.edge.run(),
            self.engine.observations.keep_access_log_small(),
            self.engine.volumes.keep_trash(),
            self.engine.samples.run(),
            self.engine.renames.run(),
            self.engine.runtime_moves.run(),
            self.disk_watch.run(),
        )

    async def close(self) -> None:
        """Save samples, and stop service work, one-off commands and operations; the journal resumes operations."""
        await self.engine.samples.save()
        await self.service_keeper.close()
        await self.engine.one_offs.close()
        await self.worker.close()


@dataclass(frozen=True, kw_only=True)
class _Rooms:
    """The parts of all rooms."""

    access: AccessParts
    deploys: DeployParts
    edge: EdgeParts
    notifying: NotifyingParts
    previews: PreviewParts
    reading: ReadingParts
    running: RunningParts
    runtime: RuntimeParts
    state: StateParts
    runner: Runner
    worker: Worker
    reconciler: Reconciler


def build_engine(world: World, outside: Outside) -> Wired:
    """Make every part, with secrets redacted in all output of apps. Starts, opens and writes nothing."""
    world, redactors = with_secrets_hidden(with_former_names(world))
    rooms = _wire_rooms(world, outside, redactors)
    return Wired(
        engine=_front_door(world.settings, rooms),
        world=world,
        redactors=redactors,
        running=rooms.running,
        runner=rooms.runner,
        worker=rooms.worker,
        reconciler=rooms.reconciler,
        liveness=rooms.running.liveness,
        reaper=rooms.previews.reaper,
        scheduler=rooms.state.jobs.scheduler,
        keeper=rooms.state.backups.keeper,
        disk_watch=rooms.state.disk_watch,
        service_keeper=rooms.state.services.keeper,
        courier=rooms.notifying.courier,
    )


def _wire_rooms(world: World, outside: Outside, redactors: Redactors) -> _Rooms:
    """Make the parts of all rooms, each room after the rooms whose parts it uses."""
    credentials = CountedCredentials(world.credentials)
    world = replace(world, credentials=credentials)
    urls = PublicUrls(clock=world.clock, credentials=credentials, host=world.host, settings=world.settings)
    running = wire_running(world, outside, redactors, urls)
    reading = wire_reading(world, outside, running, urls)
    state = wire_state(world, outside.backup_tools, running.environments)
    edge = wire_edge(world, outside, running.routes, urls)
    registries = wire_registries(world)
    runner, worker = wire_worker(world, running, edge, urls, registries)
    reconciler = wire_reconciler(world, running, worker)
    deploys = wire_deploys(world, runner, worker, reconciler, edge, running, reading.views, registries)
    return _Rooms(
        access=wire_access(world, outside, edge.claims, deploys.requests, registries),
        deploys=deploys,
        edge=edge,
        notifying=wire_notifying(world, outside, urls),
        previews=wire_previews(world, outside, deploys.requests, reading.views, state.services),
        reading=reading,
        running=running,
        runtime=wire_runtime(world, outside.runtime_options, deploys.requests, worker),
        state=state,
        runner=runner,
        worker=worker,
        reconciler=reconciler,
    )


def _front_door(settings: Settings, rooms: _Rooms) -> Engine:
    access, reading, services = rooms.access, rooms.reading, rooms.state.services
    return Engine(
        settings=settings,
        requests=rooms.deploys.requests,
        processes=rooms.deploys.processes,
        renames=rooms.deploys.renames,
        runtime_moves=rooms.runtime.moves,
        runtime_plan=rooms.runtime.plan,
        queries=reading.queries,
        observations=reading.observations,
        samples=reading.samples,
        domains=rooms.edge.domains,
        edge=rooms.edge.keeper,
        volumes=rooms.state.volumes,
        jobs=rooms.state.jobs.requests,
        backups=rooms.state.backups.requests,
        services=services.requests,
        service_links=services.links,
        one_offs=rooms.running.one_offs,
        previews=rooms.previews.requests,
        webhooks=rooms.previews.webhooks,
        keyless=access.keyless,
        config_files=access.config_files,
        recipients=access.recipients,
        tokens=access.tokens,
        sessions=access.sessions,
        users=access.users,
        passkeys=access.passkeys,
        provider_sign_in=access.provider_sign_in,
        registries=access.registries,
        notifications=rooms.notifying.notifications,
        posthog=rooms.notifying.posthog,
    )
