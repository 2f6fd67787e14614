"""Removes what an earlier operation of the app could not undo, before another one starts instances."""

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.running.leftovers import finish_slot, is_unfinished


async def remove_leftovers(run: StepRun) -> None:
    """Stop and remove instances that an ended operation left, which may be workers, or use an exclusive volume.

    The reconciler does the same, but only while no operation is unfinished. Call this before the operation has a slot
    of its own. Raises RuntimeUnavailable.
    """
    world = run.world
    if not any(map(is_unfinished, await world.store.slots(run.app))):
        return
    async with world.locks.slots(run.app), world.locks.instances(run.app):
        for slot in await world.store.slots(run.app):
            if is_unfinished(slot):
                starter = await world.store.release(run.app, slot.number)
                await finish_slot(slot, starter, clock=world.clock, instances=world.instances, store=world.store)
