"""What instances use right now, and how they ended before."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pvdify.model.action import Action
from pvdify.model.slot import Placement, Slot
from pvdify.model.standing import Standing
from pvdify.ports.clock import Clock
from pvdify.ports.inspector import Inspector
from pvdify.ports.store import Store

MEASURED_FOR = 0.25  # seconds between two readings of the CPU time, whose difference is shown
EVENTS = 1000  # as far back as one looks for how an instance ended
ENDS = (Action.INSTANCE_RESTARTED, Action.INSTANCE_OUT_OF_MEMORY)


@dataclass(frozen=True, kw_only=True)
class InUse:
    """Bytes of memory, and CPUs (0.5 is half of one) over the last moment."""

    memory: int
    cpu: float


async def measure(inspector: Inspector, clock: Clock, names: Sequence[str]) -> dict[str, InUse]:
    """By name, of those that run."""
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
    """How instances ended before they were restarted, newest: by slot and ``web.1``."""
    found: dict[tuple[int, str], str] = {}
    for event in await store.events(app, EVENTS):
        instance, _, how = event.text.partition(" ")
        if event.action in ENDS and event.release is not None:
            found.setdefault((event.release, instance), _end(how, event.at))
    return found


def end_of(standing: Standing | None) -> str:
    """How and when an instance ended that was not steady since; "" where that is not known."""
    if standing is None or standing.exit is None or standing.ended_at is None or not standing.restarts:
        return ""
    return _end(str(standing.exit), standing.ended_at)


def _end(how: str, at: datetime) -> str:
    return f"{how} at {at:%Y-%m-%d %H:%M:%SZ}"


def key_of(slot: Slot, place: Placement) -> tuple[int, str]:
    """Return the key of an instance in ``last_ends``."""
    return slot.number, f"{place.process}.{place.number}"
