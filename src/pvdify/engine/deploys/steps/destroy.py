"""Taking an app away with everything that was made for it."""

from dataclasses import replace

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.world.concurrency import settle
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.release import grace_of


@step(commits=True)
async def close_route(run: StepRun) -> None:
    """The app's hostnames answer 404."""
    async with run.world.locks.routes(run.app):
        await run.tools.serving.remove(run.app)


@step()
async def remove_instances(run: StepRun) -> None:
    """None of the app's containers is left: they stop with their grace, then they go, and their network with them."""
    live = await run.world.store.active_release(run.app)
    grace = grace_of(live)
    # What starts one again has seen by now that the app is going, or is waited for here.
    async with run.world.locks.instances(run.app):
        found = await run.world.instances.find(run.app)
        await settle(*(run.world.instances.stop(item.name, grace) for item in found))
        await settle(*(run.world.instances.remove(item.name) for item in found))
        await run.world.networks.remove(run.app)


@step()
async def remove_files(run: StepRun) -> None:
    """None of its pinned images, config versions and logs is left; its volumes are in the trash, or deleted."""
    for version in await run.world.images.kept(run.app):
        await run.world.images.release(run.app, version)
    await run.world.secrets.remove(run.app)
    await run.world.deploy_log.remove(run.app)
    await run.world.instance_logs.forget(run.app)  # afterwards: it may leave a mark in the same directory
    for volume in await run.world.store.volumes(run.app):
        if run.operation.purges:
            await run.world.volumes.remove(volume.id)
            await run.world.store.forget_volume(volume.id)
        elif not volume.is_trashed:
            run.change(replace(volume, trashed_at=run.world.clock.now(), trashed_by=run.operation.created_by))


@step()
async def forget(run: StepRun) -> None:
    """None of its records is left but the events; this operation itself is gone with them."""
    gone = Event(at=run.world.clock.now(), actor=run.operation.created_by, action=Action.APP_DESTROYED, app=run.app)
    await run.world.store.delete_app(run.app, gone)
    run.world.former_names.forget(run.app)
    run.is_gone = True
