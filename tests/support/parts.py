"""Single parts of the engine, as the wiring makes them, for tests that need another one of a kind."""

from pvdify.engine.reading.samples import Samples
from pvdify.engine.state.disk_watch import DiskWatch
from pvdify.engine.world import World
from pvdify.ports.sample_store import SampleStore


def disk_watch_of(world: World) -> DiskWatch:
    return DiskWatch(
        clock=world.clock, disk_board=world.disk_board, disk_meter=world.disk_meter, settings=world.settings,
        store=world.store,
    )  # fmt: skip


def samples_of(world: World, sample_store: SampleStore) -> Samples:
    return Samples(
        clock=world.clock, host=world.host, router=world.router, runtime_queries=world.runtime_queries,
        store=world.store, sample_store=sample_store,
    )  # fmt: skip
