"""Wires the room that keeps instances running."""

from dataclasses import dataclass

from pvdify.engine.deploys.worker import Worker
from pvdify.engine.redaction.one_offs import CleanInside, CleanOneOffs
from pvdify.engine.redaction.redactors import Redactors
from pvdify.engine.running.environment import Environments
from pvdify.engine.running.fatal_requests import FatalRequests
from pvdify.engine.running.instances import InstanceRepair
from pvdify.engine.running.leftovers import Leftovers
from pvdify.engine.running.liveness import Liveness
from pvdify.engine.running.one_offs import OneOffRuns
from pvdify.engine.running.probing import Probes
from pvdify.engine.running.quiet import Quiet
from pvdify.engine.running.reconciler import Reconciler
from pvdify.engine.running.routes import RouteRepair, ServingRoutes
from pvdify.engine.running.statuses import AppStatuses, StatusKeeper
from pvdify.engine.running.watches import Watches
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.world import World
from pvdify.engine.world.urls import PublicUrls


@dataclass(frozen=True, kw_only=True)
class RunningParts:
    """The parts of this room that other rooms use."""

    environments: Environments
    liveness: Liveness
    one_offs: OneOffRuns
    probes: Probes
    routes: RouteRepair
    serving: ServingRoutes
    statuses: AppStatuses


def wire_running(world: World, outside: Outside, redactors: Redactors, urls: PublicUrls) -> RunningParts:
    """Make all parts except the reconciler, which needs the worker."""
    clock, locks, settings, store = world.clock, world.locks, world.settings, world.store
    serving = ServingRoutes(down=world.down, router=world.router)
    probes = Probes(prober=world.prober, settings=settings)
    environments = Environments(
        hide=world.hide, secrets=world.secrets, settings=settings, shared_vars=world.shared_vars, store=store, urls=urls
    )
    return RunningParts(
        environments=environments,
        liveness=Liveness(
            clock=clock, instances=world.instances, locks=locks, observed=world.observed, store=store, probes=probes
        ),
        one_offs=OneOffRuns(
            clock=clock, instances=world.instances, names=world.one_offs, secrets=world.secrets, store=store,
            environments=environments, one_offs=CleanOneOffs(outside.one_offs, redactors),
            inside=CleanInside(outside.inside, redactors),
        ),
        probes=probes,
        routes=RouteRepair(
            clock=clock, down=world.down, former_names=world.former_names, locks=locks, router=world.router,
            settings=settings, store=store, serving=serving,
        ),
        serving=serving,
        statuses=AppStatuses(clock=clock, observed=world.observed, store=store),
    )  # fmt: skip


def wire_reconciler(world: World, running: RunningParts, worker: Worker) -> Reconciler:
    """Make the reconciler and its parts. It is woken when an operation ends, and when an instance exits."""
    clock, instances, locks, store = world.clock, world.instances, world.locks, world.store
    watches = Watches(
        clock=clock, down=world.down, instances=instances, router=world.router, observed=world.observed, store=store,
        probes=running.probes, routes=running.routes, wake=worker.settled,
    )  # fmt: skip
    repair = InstanceRepair(
        clock=clock, down=world.down, images=world.images, instances=instances, locks=locks,
        observed=world.observed, store=store, tally=world.tally, environments=running.environments,
        fatal_requests=FatalRequests(access_log=world.access_log, clock=clock, store=store), routes=running.routes,
        watches=watches,
    )  # fmt: skip
    leftovers = Leftovers(
        clock=clock, instances=instances, locks=locks, networks=world.networks, one_offs=world.one_offs,
        settings=world.settings, store=store, repair=repair,
    )  # fmt: skip
    statuses = StatusKeeper(
        clock=clock, instance_logs=world.instance_logs, observed=world.observed, store=store,
        statuses=running.statuses,
    )  # fmt: skip
    changes = world.container_changes
    quiet = Quiet(clock=clock, changes=changes, down=world.down, observed=world.observed)
    return Reconciler(
        clock=clock, instances=instances, locks=locks, networks=world.networks, router=world.router,
        runtime_queries=world.runtime_queries, observed=world.observed, store=store, routes=running.routes,
        watches=watches, repair=repair, leftovers=leftovers, statuses=statuses, wake_worker=worker.wake,
        wake=worker.settled, changes=changes, quiet=quiet,
    )  # fmt: skip
