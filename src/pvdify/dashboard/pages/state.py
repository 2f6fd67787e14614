"""The *State* page: volumes, services, backups, and scheduled jobs with their runs."""

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.engine.state.volumes import VolumeView
from pvdify.errors import InvalidError
from pvdify.model.backup import Backup, ItemKind

RUNS, OUTPUT_LINES, BACKUPS = 30, 1000, 10


async def show_state(call: Call) -> Response:
    """Show the volumes (from a cache), linked services, the app's newest backups, jobs, and their newest runs."""
    engine, app = call.engine, call.app
    await engine.queries.app(app)
    volumes = call.shared.volumes.get(app, lambda: _volumes(call))
    linked = [(it.service, link) for it in await engine.services.list() for link in it.links if link.app == app]
    names, backups = {each.name for each, _ in linked}, (await engine.backups.for_app(app))[:BACKUPS]
    return call.app_page(
        "state.html", "State", volumes=volumes, services=linked, jobs=await engine.jobs.list(app),
        backups=[(it, _note(call, it, names)) for it in backups], health=await engine.backups.health(),
        runs=await engine.jobs.history(app, None, RUNS), trash=engine.settings.trash,
    )  # fmt: skip


def _note(call: Call, backup: Backup, services: set[str]) -> str:
    """Return what is wrong with a backup; for a user of one app, with what is of this app or of these services."""
    if call.actor.app is None:
        return backup.proof[0] if backup.proof else backup.cause
    own = [it for it in backup.items if it.app == call.app or (it.kind is ItemKind.SERVICE and it.name in services)]
    proof = [line for line in backup.proof if line.startswith(tuple(it.title for it in own))]
    return next(iter(proof or [it.problem for it in own if it.problem]), "")


async def show_run(call: Call) -> Response:
    """Show a run of a job with the last ``OUTPUT_LINES`` lines of its output."""
    number = int(call.request.path_params["number"])
    run = await call.engine.jobs.find_run(call.app, str(call.request.path_params["job"]), number)
    lines = await call.engine.jobs.output(run, 0)
    return call.app_page("job_run.html", "State", run=run, lines=lines[-OUTPUT_LINES:], count=len(lines))


async def destroy_volume(call: Call) -> Response:
    """Move a volume to the trash. The form must repeat its name."""
    name = call.field("volume")
    if call.field("confirm") != name:
        raise InvalidError(
            f"the volume {name} was not destroyed", why="the name was not repeated to confirm", next="send it again"
        )
    await call.engine.volumes.destroy(call.app, name, call.actor, purges=False)
    call.shared.volumes.forget(call.app)
    undo = f"Undo: Restore, or `pvdify volumes:restore {call.app} {name}`"
    return call.done(f"/apps/{call.app}/state", f"The volume {name} is in the trash. {undo}")


async def restore_volume(call: Call) -> Response:
    """Restore a volume from the trash."""
    await call.engine.volumes.restore(call.app, call.field("volume"), call.actor)
    call.shared.volumes.forget(call.app)
    return call.done(f"/apps/{call.app}/state", f"The volume {call.field('volume')} is back.")


async def run_job(call: Call) -> Response:
    """Run a job now."""
    run = await call.engine.jobs.run(call.app, call.field("job"), call.actor)
    return call.done(f"/apps/{call.app}/jobs/{run.job}/{run.number}", f"{run.job} runs: run {run.number}.")


async def pause_job(call: Call) -> Response:
    """Skip the due times of a job until it is resumed."""
    await call.engine.jobs.pause(call.app, call.field("job"), call.actor)
    return call.done(f"/apps/{call.app}/state", f"{call.field('job')} is paused. Undo: Resume.")


async def resume_job(call: Call) -> Response:
    """Run a job at its due times again."""
    await call.engine.jobs.resume(call.app, call.field("job"), call.actor)
    return call.done(f"/apps/{call.app}/state", f"{call.field('job')} runs at its due times again.")


async def _volumes(call: Call) -> tuple[VolumeView, ...]:
    return await call.engine.volumes.list(call.app)
