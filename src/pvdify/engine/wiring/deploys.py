"""Wires the room of deploys."""

from dataclasses import dataclass

from pvdify.engine.access.registries import Registries
from pvdify.engine.deploys.processes import Processes
from pvdify.engine.deploys.renames import Renames
from pvdify.engine.deploys.requests import Requests
from pvdify.engine.deploys.runner import Runner
from pvdify.engine.deploys.runtime_moves import RuntimeMoves
from pvdify.engine.deploys.runtime_plan import RuntimePlan
from pvdify.engine.deploys.step_run import StepTools
from pvdify.engine.deploys.worker import Worker
from pvdify.engine.reading.views import Views
from pvdify.engine.running.reconciler import Reconciler
from pvdify.engine.wiring.edge import EdgeParts
from pvdify.engine.wiring.running import RunningParts
from pvdify.engine.world import World
from pvdify.engine.world.urls import PublicUrls
from pvdify.ports.runtime_options import RuntimeOptions


@dataclass(frozen=True, kw_only=True)
class DeployParts:
    """The parts of this room that take requests."""

    processes: Processes
    renames: Renames
    requests: Requests


@dataclass(frozen=True, kw_only=True)
class RuntimeParts:
    """The parts that move apps to another runtime."""

    moves: RuntimeMoves
    plan: RuntimePlan


def wire_worker(
    world: World, running: RunningParts, edge: EdgeParts, urls: PublicUrls, registries: Registries
) -> tuple[Runner, Worker]:
    """Make the runner and the worker, which run operations."""
    tools = StepTools(
        claims=edge.claims, edge_mode=edge.mode, environments=running.environments, forget_logins=registries.forget,
        probes=running.probes, serving=running.serving, urls=urls,
    )  # fmt: skip
    runner = Runner(world=world, tools=tools)
    return runner, Worker(clock=world.clock, locks=world.locks, store=world.store, runner=runner)


def wire_deploys(
    world: World, runner: Runner, worker: Worker, reconciler: Reconciler, edge: EdgeParts, running: RunningParts,
    views: Views, registries: Registries,
) -> DeployParts:  # fmt: skip
    """Make the parts that take requests."""
    clock, locks, settings, store = world.clock, world.locks, world.settings, world.store
    requests = Requests(
        clock=clock, former_names=world.former_names, locks=locks, secrets=world.secrets, settings=settings,
        store=store, claims=edge.claims, edge_mode=edge.mode, views=views, runner=runner, worker=worker,
        put_routes=reconciler.put_routes,
    )  # fmt: skip
    return DeployParts(
        processes=Processes(clock=clock, locks=locks, settings=settings, store=store, worker=worker),
        renames=Renames(
            clock=clock, deploy_log=world.deploy_log, former_names=world.former_names, images=world.images,
            locks=locks, secrets=world.secrets, settings=settings, store=store, volumes=world.volumes,
            claims=edge.claims, serving=running.serving, views=views, worker=worker, one_offs=running.one_offs,
            rename_logins=registries.rename, put_routes=reconciler.put_routes, watch_anew=reconciler.watch_anew,
        ),
        requests=requests,
    )  # fmt: skip


def wire_runtime(world: World, options: RuntimeOptions, requests: Requests, worker: Worker) -> RuntimeParts:
    """Make the parts that move apps to another runtime."""
    clock, settings, store = world.clock, world.settings, world.store
    moves = RuntimeMoves(
        changes=world.changes, clock=clock, locks=world.locks, options=options, settings=settings, store=store,
        requests=requests, worker=worker,
    )  # fmt: skip
    plan = RuntimePlan(
        clock=clock, host=world.host, instances=world.instances, settings=settings,
        runtime_queries=world.runtime_queries, store=store, volumes=world.volumes, moves=moves,
    )  # fmt: skip
    return RuntimeParts(moves=moves, plan=plan)
