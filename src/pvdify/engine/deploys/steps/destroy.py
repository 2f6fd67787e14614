"""Destroying an app with everything that was made for it.

What cannot be removed now is tried again until it can. The app's records stay until nothing else of it is left, because
without them no part of pvdify would find the rest.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.concurrency import settle
from pvdify.errors import PvdifyError
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.release import Failure, grace_of

log = structlog.get_logger()
PAUSES = (1.0, 5.0, 15.0, 60.0)  # seconds before each new try; the last one repeats


@step(commits=True)
async def close_route(run: StepRun) -> None:
    """Remove the app's route; the router then answers its hostnames with 404."""
    async with run.world.locks.routes(run.app):
        await run.tools.serving.remove(run.app)


@step()
async def remove_instances(run: StepRun) -> None:
    """Stop the app's containers within their grace time, then remove them and their network."""
    await _until_done(run, _remove_instances)


async def _remove_instances(run: StepRun) -> None:
    live = await run.world.store.active_release(run.app)
    grace = grace_of(live)
    # The reconciler starts instances under this lock, and skips an app that is being destroyed.
    async with run.world.locks.instances(run.app):
        found = await run.world.instances.find(run.app)
        await settle(*(run.world.instances.stop(item.name, grace) for item in found))
        await settle(*(run.world.instances.remove(item.name) for item in found))
        await run.world.networks.remove(run.app)


@step()
async def remove_files(run: StepRun) -> None:
    """Remove the app's pins of images, config versions, logs and registry logins.

    Its volumes are moved to the trash, or purged.
    """
    await _until_done(run, _remove_files)


async def _remove_files(run: StepRun) -> None:
    for version in await run.world.images.kept(run.app):
        await run.world.images.release(run.app, version)
    await run.world.secrets.remove(run.app)
    await run.tools.forget_logins(run.app)
    await run.world.deploy_log.remove(run.app)
    await run.world.instance_logs.forget(run.app)  # last: it may leave a mark in the same directory
    for volume in await run.world.store.volumes(run.app):
        if run.operation.purges:
            await run.world.volumes.remove(volume.id)
            await run.world.store.forget_volume(volume.id)
        elif not volume.is_trashed:
            run.change(replace(volume, trashed_at=run.world.clock.now(), trashed_by=run.operation.created_by))
    if run.operation.purges:
        await run.world.networks.remove(run.app)  # a cluster keeps the app's namespace while volumes are in it


@step()
async def forget(run: StepRun) -> None:
    """Delete the app's records, including this operation, but not its events."""
    gone = Event(at=run.world.clock.now(), actor=run.operation.created_by, action=Action.APP_DESTROYED, app=run.app)
    await run.world.store.delete_app(run.app, gone)
    run.world.former_names.forget(run.app)
    run.is_gone = True


async def _until_done(run: StepRun, remove: Callable[[StepRun], Awaitable[None]]) -> None:
    """Repeat a removal until it succeeds. Parts that are gone already do not fail."""
    failures = 0
    while True:
        try:
            await remove(run)
        except PvdifyError as error:
            run.take_changes()
            run.operation = replace(run.operation, error=Failure.of(error))  # the app's status says it
            await run.save(run.operation)
            log.warning("destroy.delayed", app=run.app, code=error.code, what=error.what, why=error.why)
            await run.world.clock.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
            failures += 1
        else:
            return
