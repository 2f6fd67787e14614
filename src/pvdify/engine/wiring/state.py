"""Wires the rooms of volumes, services, scheduled jobs and backups, which outlive releases."""

import asyncio
from dataclasses import dataclass

from pvdify.engine.running.environment import Environments
from pvdify.engine.state.backups.backups import Backups
from pvdify.engine.state.backups.dumps import Dumps
from pvdify.engine.state.backups.keeper import BackupKeeper
from pvdify.engine.state.backups.making import Making
from pvdify.engine.state.backups.proof import Proof
from pvdify.engine.state.backups.restoring import Restoring
from pvdify.engine.state.backups.scratch import Scratch
from pvdify.engine.state.backups.service_restoring import ServiceRestoring
from pvdify.engine.state.backups.stored_services import StoredServices
from pvdify.engine.state.backups.tools import BackupTools
from pvdify.engine.state.disk_watch import DiskWatch
from pvdify.engine.state.jobs.due_times import DueTimes
from pvdify.engine.state.jobs.jobs import AppJobs
from pvdify.engine.state.jobs.runs import JobRuns
from pvdify.engine.state.jobs.scheduler import Scheduler
from pvdify.engine.state.services.commands import ServiceCommands
from pvdify.engine.state.services.data import ServiceData
from pvdify.engine.state.services.keeper import ServiceKeeper
from pvdify.engine.state.services.links import ServiceLinks
from pvdify.engine.state.services.orders import ServiceOrders
from pvdify.engine.state.services.restores import ServiceRestores
from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.engine.state.services.services import Services
from pvdify.engine.state.services.upgrades import ServiceUpgrades
from pvdify.engine.state.volumes import AppVolumes
from pvdify.engine.world import World


@dataclass(frozen=True, kw_only=True)
class ServiceParts:
    """The parts of services that others use."""

    data: ServiceData
    keeper: ServiceKeeper
    links: ServiceLinks
    requests: Services
    runs: ServiceRuns


@dataclass(frozen=True, kw_only=True)
class JobParts:
    """The parts of scheduled jobs that others use."""

    requests: AppJobs
    scheduler: Scheduler


@dataclass(frozen=True, kw_only=True)
class BackupParts:
    """The parts of backups that others use."""

    keeper: BackupKeeper
    requests: Backups


@dataclass(frozen=True, kw_only=True)
class StateParts:
    """The parts of these rooms."""

    backups: BackupParts
    disk_watch: DiskWatch
    jobs: JobParts
    services: ServiceParts
    volumes: AppVolumes


def wire_state(world: World, tools: BackupTools, environments: Environments) -> StateParts:
    """Make the parts of these rooms."""
    clock, settings, store = world.clock, world.settings, world.store
    services = wire_services(world, tools)
    return StateParts(
        backups=wire_backups(world, tools, environments, services),
        disk_watch=DiskWatch(
            clock=clock, disk_board=world.disk_board, disk_meter=world.disk_meter, settings=settings, store=store
        ),
        jobs=wire_jobs(world, environments),
        services=services,
        volumes=AppVolumes(
            clock=clock,
            locks=world.locks,
            settings=settings,
            store=store,
            transfers=world.volume_transfers,
            volumes=world.volumes,
        ),
    )


def wire_services(world: World, tools: BackupTools) -> ServiceParts:
    """Make the parts of services. ``tools`` read the data of services from backups."""
    clock, secrets, store, due = world.clock, world.secrets, world.store, asyncio.Event()
    commands = ServiceCommands(clock=clock, inside=world.inside)
    data = ServiceData(commands=commands, secrets=secrets)
    runs = ServiceRuns(
        clock=clock, host=world.host, images=world.images, inspector=world.inspector,
        instance_logs=world.instance_logs, instances=world.instances, private_networks=world.private_networks,
        secrets=secrets, settings=world.settings, store=store, commands=commands,
    )  # fmt: skip
    requests = Services(
        clock=clock, inspector=world.inspector, instance_logs=world.instance_logs, locks=world.locks, secrets=secrets,
        settings=world.settings, store=store, volumes=world.volumes, wake=due,
    )  # fmt: skip
    stored = StoredServices(credentials=world.credentials, data=data, store=store, tools=tools)
    return ServiceParts(
        data=data,
        keeper=ServiceKeeper(
            clock=clock, images=world.images, instances=world.instances, locks=world.locks,
            private_networks=world.private_networks, store=store, volumes=world.volumes,
            orders=_service_orders(world, data, stored, runs), data=data, runs=runs, wake=due, stored=stored,
        ),
        links=ServiceLinks(
            clock=clock, instances=world.instances, locks=world.locks, private_networks=world.private_networks,
            secrets=secrets, settings=world.settings, store=store, runs=runs, services=requests,
        ),
        requests=requests,
        runs=runs,
    )  # fmt: skip


def _service_orders(world: World, data: ServiceData, stored: StoredServices, runs: ServiceRuns) -> ServiceOrders:
    clock, images, store, volumes = world.clock, world.images, world.store, world.volumes
    upgrades = ServiceUpgrades(
        clock=clock, images=images, instance_logs=world.instance_logs, instances=world.instances,
        one_offs=world.one_offs, private_networks=world.private_networks, store=store, volumes=volumes, data=data,
        runs=runs,
    )  # fmt: skip
    restores = ServiceRestores(
        clock=clock, images=images, instances=world.instances, private_networks=world.private_networks, store=store,
        volumes=volumes, runs=runs, upgrades=upgrades, stored=stored,
    )  # fmt: skip
    return ServiceOrders(
        clock=clock, images=images, instance_logs=world.instance_logs, networks=world.networks,
        private_networks=world.private_networks, secrets=world.secrets, settings=world.settings, store=store,
        volumes=volumes, upgrades=upgrades, restores=restores, runs=runs,
    )  # fmt: skip


def wire_jobs(world: World, environments: Environments) -> JobParts:
    """Make the parts of scheduled jobs."""
    clock, locks, store, due = world.clock, world.locks, world.store, asyncio.Event()
    runs = JobRuns(
        clock=clock, instance_logs=world.instance_logs, instances=world.instances, job_log=world.job_log, locks=locks,
        settings=world.settings, store=store, environments=environments, wake=due,
    )  # fmt: skip
    return JobParts(
        requests=AppJobs(clock=clock, job_log=world.job_log, locks=locks, store=store, wake=due),
        scheduler=Scheduler(
            clock=clock, store=store, due_times=DueTimes(clock=clock, locks=locks, store=store), runs=runs, wake=due
        ),
    )


def wire_backups(world: World, tools: BackupTools, environments: Environments, services: ServiceParts) -> BackupParts:
    """Make the parts of backups."""
    clock, instances, store, due = world.clock, world.instances, world.store, asyncio.Event()
    scratch = Scratch(
        clock=clock, images=world.images, instances=instances, one_offs=world.one_offs, store=store,
        volumes=world.volumes, runs=services.runs,
    )  # fmt: skip
    dumps = Dumps(data=services.data, runs=services.runs, scratch=scratch, settings=world.settings, tools=tools)
    making = Making(
        clock=clock, instance_logs=world.instance_logs, instances=instances, locks=world.locks,
        one_offs=world.one_offs, settings=world.settings, store=store, volumes=world.volumes, dumps=dumps,
        environments=environments, tools=tools,
    )  # fmt: skip
    restoring = Restoring(
        clock=clock,
        instances=instances,
        locks=world.locks,
        secrets=world.secrets,
        settings=world.settings,
        store=store,
        tools=tools,
    )
    service_restoring = ServiceRestoring(clock=clock, secrets=world.secrets, services=services.requests, store=store)
    return BackupParts(
        keeper=BackupKeeper(
            clock=clock, credentials=world.credentials, instances=instances, store=store, volumes=world.volumes,
            making=making, proof=Proof(clock=clock, dumps=dumps, store=store, tools=tools), restoring=restoring,
            service_restoring=service_restoring, tools=tools, wake=due,
        ),
        requests=Backups(
            clock=clock, credentials=world.credentials, former_names=world.former_names, instances=instances,
            settings=world.settings, store=store, tools=tools, wake=due,
        ),
    )  # fmt: skip
