"""The one wiring of the engine: which part is given which. The daemon and every test build their engine here."""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass

from pvdify.engine.access.config_files import ConfigFiles
from pvdify.engine.access.keyless import Keyless
from pvdify.engine.access.passkeys import Passkeys
from pvdify.engine.access.provider_sign_in import ProviderSignIn
from pvdify.engine.access.recipients import Recipients
from pvdify.engine.access.registries import Registries
from pvdify.engine.access.sessions import Sessions
from pvdify.engine.access.tokens import Tokens
from pvdify.engine.access.users import Users
from pvdify.engine.deploys.processes import Processes
from pvdify.engine.deploys.renames import Renames
from pvdify.engine.deploys.requests import Requests
from pvdify.engine.deploys.runner import Runner
from pvdify.engine.deploys.worker import Worker
from pvdify.engine.edge.domains import Domains
from pvdify.engine.edge.edge import EdgeKeeper
from pvdify.engine.front_door import Engine
from pvdify.engine.notifying.courier import Courier
from pvdify.engine.notifying.notifications import Notifications
from pvdify.engine.notifying.posthog import PosthogLink
from pvdify.engine.previews.previews import PreviewRequests
from pvdify.engine.previews.reaper import Reaper
from pvdify.engine.previews.services import PreviewServices
from pvdify.engine.previews.webhooks import Webhooks
from pvdify.engine.reading.observations import Observations
from pvdify.engine.reading.queries import Queries
from pvdify.engine.reading.samples import Samples
from pvdify.engine.redaction.hiding import with_secrets_hidden
from pvdify.engine.redaction.one_offs import CleanInside, CleanOneOffs
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.running.liveness import Liveness
from pvdify.engine.running.one_offs import OneOffRuns
from pvdify.engine.running.reconciler import Reconciler
from pvdify.engine.running.renamed import with_former_names
from pvdify.engine.state.backups.backups import Backups
from pvdify.engine.state.backups.dumps import StoredDumps
from pvdify.engine.state.backups.keeper import BackupKeeper
from pvdify.engine.state.backups.tools import BackupTools
from pvdify.engine.state.disk_watch import DiskWatch
from pvdify.engine.state.jobs.jobs import AppJobs
from pvdify.engine.state.jobs.scheduler import Scheduler
from pvdify.engine.state.services.keeper import ServiceKeeper
from pvdify.engine.state.services.links import ServiceLinks
from pvdify.engine.state.services.services import Services
from pvdify.engine.state.volumes import AppVolumes
from pvdify.engine.world import World
from pvdify.model.notice import Channel
from pvdify.ports.attached import Inside, OneOffs
from pvdify.ports.code_host import CodeHost
from pvdify.ports.edge import Edge, TunnelProcess
from pvdify.ports.identities import Identities
from pvdify.ports.link_store import LinkStore
from pvdify.ports.outlet import Outlet
from pvdify.ports.passkey_checks import PasskeyChecks
from pvdify.ports.people_store import PeopleStore
from pvdify.ports.sample_store import SampleStore
from pvdify.ports.sign_in_provider import SignInProvider


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The ports that one part each uses, and what else comes from outside. ``chance`` spreads retries."""

    one_offs: OneOffs
    inside: Inside
    edge: Edge
    tunnel_process: TunnelProcess
    code_host: CodeHost
    identities: Identities
    links: LinkStore
    people: PeopleStore
    samples: SampleStore
    sign_in_provider: SignInProvider | None
    passkey_checks: PasskeyChecks
    outlets: Mapping[Channel, Outlet]
    webhook_secrets: tuple[str, ...]
    backup_tools: BackupTools
    chance: random.Random | None = None


@dataclass(frozen=True, kw_only=True)
class Wired:
    """The whole engine: its front door, and the parts that work on their own.

    ``world`` is what the engine sees: with secrets hidden, which ``redactors`` know.
    """

    engine: Engine
    world: World
    redactors: Redactors
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
        """What is done all the time, each until it is canceled."""
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
            self.disk_watch.run(),
        )

    async def close(self) -> None:
        """Stop where it is; the journal says how to go on."""
        await self.engine.samples.save()
        await self.service_keeper.close()
        await self.engine.one_offs.close()
        await self.worker.close()


def build_engine(world: World, outside: Outside) -> Wired:
    """Make every part, with secrets hidden from all that apps write. Nothing is started, opened or written yet."""
    world, redactors = with_secrets_hidden(with_former_names(world))
    clock, locks, settings, store = world.clock, world.locks, world.settings, world.store
    runner, scheduled, asked = Runner(world), asyncio.Event(), asyncio.Event()
    worker = Worker(clock=clock, locks=locks, store=store, runner=runner)
    reconciler = Reconciler(world, worker.wake, worker.settled)
    requests = Requests(world, runner, worker, reconciler.put_routes)
    courier = Courier(world, outside.outlets, outside.chance)
    tokens = Tokens(clock=clock, store=store)
    registries = Registries(
        clock=clock, credentials=world.credentials, registry_logins=world.registry_logins, store=store
    )
    one_offs = OneOffRuns(world, CleanOneOffs(outside.one_offs, redactors), CleanInside(outside.inside, redactors))
    services_due = asyncio.Event()
    services = Services(world, services_due)
    service_links = ServiceLinks(world, services)
    previews = PreviewRequests(world, requests, PreviewServices(world, services, service_links))
    sessions = Sessions(clock=clock, people=outside.people, tokens=tokens)
    engine = Engine(
        settings=settings,
        requests=requests,
        queries=Queries(world),
        domains=Domains(world, reconciler.put_routes),
        processes=Processes(clock=clock, locks=locks, store=store, worker=worker),
        volumes=AppVolumes(clock=clock, locks=locks, settings=settings, store=store, volumes=world.volumes),
        jobs=AppJobs(clock=clock, job_log=world.job_log, locks=locks, store=store, wake=scheduled),
        backups=Backups(world, outside.backup_tools, asked),
        one_offs=one_offs,
        renames=Renames(
            world,
            worker=worker,
            one_offs=one_offs,
            rename_logins=registries.rename,
            put_routes=reconciler.put_routes,
            watch_anew=reconciler.watch_anew,
        ),
        services=services,
        service_links=service_links,
        previews=previews,
        webhooks=Webhooks(
            clock=clock,
            locks=locks,
            store=store,
            previews=previews,
            code_host=outside.code_host,
            secrets=outside.webhook_secrets,
        ),
        keyless=Keyless(world, outside.links, outside.code_host, outside.identities),
        config_files=ConfigFiles(clock=clock, secrets=world.secrets, store=store, requests=requests),
        recipients=Recipients(clock=clock, secrets=world.secrets, store=store),
        tokens=tokens,
        sessions=sessions,
        users=Users(clock=clock, store=store, people=outside.people, sessions=sessions),
        passkeys=Passkeys(clock=clock, people=outside.people, sessions=sessions, checks=outside.passkey_checks),
        provider_sign_in=ProviderSignIn(
            clock=clock,
            settings=settings,
            people=outside.people,
            sessions=sessions,
            provider=outside.sign_in_provider,
        ),
        registries=registries,
        observations=Observations(world),
        samples=Samples(
            clock=clock,
            host=world.host,
            router=world.router,
            sightings=world.sightings,
            store=store,
            sample_store=outside.samples,
        ),
        notifications=Notifications(
            clock=clock, credentials=world.credentials, outbox=world.outbox, store=store, courier=courier
        ),
        posthog=PosthogLink(
            clock=clock, credentials=world.credentials, outbox=world.outbox, shared_vars=world.shared_vars
        ),
        edge=EdgeKeeper(world, outside.edge, outside.tunnel_process, outside.chance),
    )
    return Wired(
        engine=engine,
        world=world,
        redactors=redactors,
        runner=runner,
        worker=worker,
        reconciler=reconciler,
        liveness=Liveness(world),
        reaper=Reaper(clock=clock, locks=locks, store=store, requests=previews, code_host=outside.code_host),
        scheduler=Scheduler(world, scheduled),
        keeper=BackupKeeper(world, outside.backup_tools, services, asked),
        disk_watch=DiskWatch(
            clock=clock,
            disk_board=world.disk_board,
            disk_meter=world.disk_meter,
            settings=settings,
            store=store,
        ),
        service_keeper=ServiceKeeper(world, services_due, StoredDumps(world, outside.backup_tools)),
        courier=courier,
    )
