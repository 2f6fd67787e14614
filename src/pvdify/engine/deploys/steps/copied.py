"""The records of volumes that an operation copies to the other side.

A copy gets its record with the switch. Until then the records name the volumes of the side that the app leaves, so that
a backup, a rollback and ``volumes:destroy`` mean these.
"""

from dataclasses import replace

from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.runtimes import runtime_of, volumes_of_app
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.volume import AppVolume, copy_for_move


async def copies_of(run: StepRun) -> tuple[tuple[AppVolume, AppVolume], ...]:
    """Return the app's volumes and their copies; no request changes these records during the operation.

    Raises StoreUnavailable.
    """
    volumes, release = await volumes_of_app(run.world.store, run.app), run.release
    return tuple((volume, copy_for_move(volume, release.version, release.created_at)) for volume in volumes)


async def put_copies_in_place(run: StepRun) -> None:
    """Hand in the records that make the copies the app's volumes, and put what they replace into the trash."""
    now, by = run.world.clock.now(), run.operation.created_by
    runtime = await runtime_of(run.world.store, run.world.settings, run.release)
    for volume, copy in await copies_of(run):
        run.change(replace(volume, trashed_at=now, trashed_by=by))  # before its copy: an app has one volume of a name
        run.change(copy)
        text = f"{volume.name}: copied to {runtime}; what was copied is in the trash"
        run.change(Event(at=now, actor=by, action=Action.VOLUME_MOVED, app=run.app, text=text))


async def put_copies_into_trash(run: StepRun) -> None:
    """Hand in the records that keep the copies in the trash: visitors may have changed them."""
    now, by = run.world.clock.now(), run.operation.created_by
    for _, copy in await copies_of(run):
        run.change(replace(copy, trashed_at=now, trashed_by=by))
