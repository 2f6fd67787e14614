"""Taking an app away with everything that was made for it."""

from pvdify.engine.concurrency import settle
from pvdify.engine.plan import step
from pvdify.engine.step_run import StepRun
from pvdify.model.event import Event


@step(commits=True)
async def close_route(run: StepRun) -> None:
    """The app's hostnames answer 404."""
    await run.world.router.remove(run.app)


@step()
async def remove_instances(run: StepRun) -> None:
    """None of the app's containers is left: they stop with their grace, then they go, and their network with them."""
    live = await run.world.store.active_release(run.app)
    grace = live.manifest.stop_timeout if live else 10.0
    # Whoever starts one again has seen by now that the app is going, or is waited for here.
    async with run.world.locks.instances(run.app):
        found = await run.world.supervisor.find(run.app)
        await settle(*(run.world.supervisor.stop(item.name, grace) for item in found))
        await settle(*(run.world.supervisor.remove(item.name) for item in found))
        await run.world.supervisor.remove_network(run.app)


@step()
async def remove_files(run: StepRun) -> None:
    """None of its pinned images, config versions and logs is left."""
    for version in await run.world.images.kept(run.app):
        await run.world.images.release(run.app, version)
    await run.world.secrets.remove(run.app)
    await run.world.supervisor.forget_logs(run.app)
    await run.world.deploy_log.remove(run.app)


@step()
async def forget(run: StepRun) -> None:
    """None of its records is left but the events; this operation itself is gone with them."""
    gone = Event(at=run.world.clock.now(), actor=run.operation.created_by, action="app.destroyed", app=run.app)
    await run.world.store.delete_app(run.app, gone)
    run.is_gone = True
