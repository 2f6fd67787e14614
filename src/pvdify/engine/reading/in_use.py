"""The current memory and CPU use of instances, and how they ended before their last restart."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pvdify.model.action import Action
from pvdify.model.observed_instances import ObservedInstance
from pvdify.model.slot import Placement, Slot
from pvdify.ports.clock import Clock
from pvdify.ports.inspector import Inspector
from pvdify.ports.store import Store

MEASURED_FOR = 0.25  # seconds between the two readings of the CPU time
EVENTS = 1000  # events that are searched for how an instance ended
ENDS = (Action.INSTANCE_RESTARTED, Action.INSTANCE_OUT_OF_MEMORY)


@dataclass(frozen=True, kw_only=True)
class InUse:
    """Memory in bytes, and CPU use in CPUs (0.5 is half of one CPU) over the last measurement."""

    memory: int
    cpu: float


async def measure(inspector: Inspector, clock: Clock, names: Sequence[str]) -> dict[str, InUse]:
    """Measure the use of the instances that run, by name. Takes 0.25 s."""
    begun, before = clock.monotonic(), await asyncio.gather(*(inspector.usage(name) for name in names))
    if not any(before):
        return {}
    await clock.sleep(MEASURED_FOR)
    after = await asyncio.gather(*(inspector.usage(name) for name in names))
    seconds = max(clock.monotonic() - begun, 0.001)
    return {
        name: InUse(memory=late.memory, cpu=max(0.0, late.cpu_seconds - early.cpu_seconds) / seconds)
        for name, early, late in zip(names, before, after, strict=True)
        if early is not None and late is not None
    }


async def last_ends(store: Store, app: str) -> dict[tuple[int, str], str]:
    """Return how each instance last ended before a restart, by slot and name such as ``web.1``."""
    found: dict[tuple[int, str], str] = {}
    for event in await store.events(app, EVENTS):
        instance, _, how = event.text.partition(" ")
        if event.action in ENDS and event.release is not None:
            found.setdefault((event.release, instance), _end(how, event.at))
    return found


def end_of(observation: ObservedInstance | None) -> str:
    """Return how and when an instance last ended; "" if that is unknown or the instance is stable since."""
    if observation is None or observation.exit is None or observation.ended_at is None or not observation.restarts:
        return ""
    return _end(str(observation.exit), observation.ended_at)


def _end(how: str, at: datetime) -> str:
    return f"{how} at {at:%Y-%m-%d %H:%M:%SZ}"


def key_of(slot: Slot, place: Placement) -> tuple[int, str]:
    """Return the key of an instance in ``last_ends``."""
    return slot.number, f"{place.process}.{place.number}"
