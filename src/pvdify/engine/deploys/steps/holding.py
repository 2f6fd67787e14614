"""Waits for the last answers of a slot while the router holds new requests."""

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.deploys.steps.retire import traffic_of
from pvdify.errors import RouterUnavailable
from pvdify.model.slot import Slot

ARRIVES_WITHIN = 0.3  # requests routed before the hold arrive up to 74 ms after it; measured, with a margin
ANSWERED_PAUSE = 0.02  # seconds between two readings of the slot's traffic


async def answered(run: StepRun, slot: Slot, seconds: float) -> None:
    """Wait until the slot has no request in flight, at most this many seconds. Upgraded connections do not count.

    The router holds new requests, so only requests that it sent before the hold can still arrive.
    """
    clock = run.world.clock
    deadline, quiet_since = clock.monotonic() + seconds, clock.monotonic()
    while clock.monotonic() - quiet_since < ARRIVES_WITHIN and clock.monotonic() < deadline:
        await clock.sleep(ANSWERED_PAUSE)
        in_flight = (await traffic_of(run, slot.number)).in_flight
        if in_flight and in_flight > await _upgraded(run, slot):
            quiet_since = clock.monotonic()


async def _upgraded(run: StepRun, slot: Slot) -> int:
    try:
        return await run.world.router.upgraded(slot.endpoints)
    except RouterUnavailable:
        return 0
