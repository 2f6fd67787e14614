"""Wires the room that answers queries."""

from dataclasses import dataclass

from pvdify.engine.reading.activity import Activity
from pvdify.engine.reading.observations import Observations
from pvdify.engine.reading.processes import ProcessQueries
from pvdify.engine.reading.queries import Queries
from pvdify.engine.reading.runtime_logs import RuntimeLogs
from pvdify.engine.reading.samples import Samples
from pvdify.engine.reading.server import ServerQueries
from pvdify.engine.reading.views import Views
from pvdify.engine.running.statuses import AppStatuses
from pvdify.engine.wiring.outside import Outside
from pvdify.engine.wiring.running import RunningParts
from pvdify.engine.world import World
from pvdify.engine.world.urls import PublicUrls


@dataclass(frozen=True, kw_only=True)
class ReadingParts:
    """The parts of this room."""

    observations: Observations
    queries: Queries
    samples: Samples
    views: Views


def wire_reading(world: World, outside: Outside, running: RunningParts, urls: PublicUrls) -> ReadingParts:
    """Make the parts of this room."""
    views = Views(settings=world.settings, statuses=running.statuses, store=world.store)
    return ReadingParts(
        observations=Observations(
            access_log=world.access_log, clock=world.clock, disk_board=world.disk_board, host=world.host,
            instances=world.instances, outbox=world.outbox, router=world.router, runtime_queries=world.runtime_queries,
            store=world.store, tally=world.tally, statuses=running.statuses,
        ),
        queries=_queries(world, running.statuses, urls, views),
        samples=Samples(
            clock=world.clock, host=world.host, router=world.router, runtime_queries=world.runtime_queries,
            store=world.store, sample_store=outside.samples,
        ),
        views=views,
    )  # fmt: skip


def _queries(world: World, statuses: AppStatuses, urls: PublicUrls, views: Views) -> Queries:
    clock, runtime_queries, observed, store = world.clock, world.runtime_queries, world.observed, world.store
    return Queries(
        deploy_log=world.deploy_log,
        secrets=world.secrets,
        store=store,
        statuses=statuses,
        urls=urls,
        views=views,
        activity=Activity(clock=clock, outbox=world.outbox, store=store),
        processes=ProcessQueries(
            clock=clock, inspector=world.inspector, instances=world.instances, runtime_queries=runtime_queries,
            observed=observed, store=store, views=views,
        ),
        runtime_logs=RuntimeLogs(clock=clock, instance_logs=world.instance_logs, observed=observed, store=store),
        server=ServerQueries(
            clock=clock, disk_board=world.disk_board, host=world.host, images=world.images, instances=world.instances,
            router=world.router, secrets=world.secrets, settings=world.settings, runtime_queries=runtime_queries,
            observed=observed, store=store, layer_bound=world.layer_bound,
        ),
    )  # fmt: skip
