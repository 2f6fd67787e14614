"""Runs the on_close commands of a preview in a container of its live release."""

from pvdify.engine.deploys.plan import step
from pvdify.engine.deploys.step_run import StepRun
from pvdify.engine.running.specs import hook_spec
from pvdify.errors import PvdifyError
from pvdify.manifest.definition import Command
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.names import parent_of
from pvdify.model.release import Release
from pvdify.timing import first_of

MOMENT = "on_close"


@step()
async def on_close(run: StepRun) -> None:
    """Run the commands of `previews.on_close`, each at most once. Failures are recorded in an event and not raised."""
    live = await run.world.store.active_release(run.app)
    if live is None or parent_of(run.app) is None or not live.manifest.previews.on_close:
        return
    failed = []
    for number, command in enumerate(live.manifest.previews.on_close, start=1):
        try:
            why = await _run(run, live, number, command)
        except PvdifyError as error:
            why = error.why or error.what
        if why:
            failed.append(f"`{command if isinstance(command, str) else ' '.join(command)}`: {why}")
    if failed:
        now, by = run.world.clock.now(), run.operation.created_by
        action, text = Action.PREVIEW_ON_CLOSE_FAILED, "; ".join(failed)
        await run.world.store.save(Event(at=now, actor=by, action=action, app=run.app, text=text))


async def _run(run: StepRun, live: Release, number: int, command: Command) -> str:
    """Run a command; return why it failed, or "". Raises PvdifyError."""
    world, seconds = run.world, live.manifest.hooks.timeout
    spec = hook_spec(live, MOMENT, number, command, await run.tools.environments.of(live), {}, run.operation.id)
    if spec.name in {it.name for it in await world.instances.find(run.app)}:
        return ""  # the command was started before pvdifyd restarted
    await world.instances.start(spec)
    ended, _ = await first_of(world.instances.wait(spec.name), world.clock.sleep(seconds))
    if ended is None:
        return f"it did not end within {seconds:g} s (`hooks.timeout`)"
    return "" if ended.code == 0 else str(ended)
