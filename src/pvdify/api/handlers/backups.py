"""/backups."""

from starlette.responses import Response

from pvdify.api import translate_backups as translate
from pvdify.api.call import Call
from pvdify.errors import InvalidError
from pvdify.model.backup import Keep, RestoreSubject
from pvdify.web.answers import json_answer
from pvdify.wire import requests


async def list_backups(call: Call) -> Response:
    """Return the backup target, the backups and the running task."""
    return json_answer(translate.backups(await call.engine.backups.show()))


async def set_target(call: Call) -> Response:
    """Set the backup target."""
    body = await call.body(requests.SetBackupTarget)
    plan, password = await call.engine.backups.set_target(body.location, body.keys, call.actor)
    return json_answer(translate.target(plan, password))


async def set_schedule(call: Call) -> Response:
    """Change the schedules of backups and drills, and which backups are kept."""
    body = await call.body(requests.ScheduleBackups)
    known = (await call.engine.backups.show()).plan
    keep = known.keep if known else Keep()
    keep = Keep(
        daily=keep.daily if body.keep_daily is None else body.keep_daily,
        weekly=keep.weekly if body.keep_weekly is None else body.keep_weekly,
        monthly=keep.monthly if body.keep_monthly is None else body.keep_monthly,
    )
    plan = await call.engine.backups.schedule(
        call.actor, schedule=body.schedule, drills=body.drills, time_zone=body.time_zone, keep=keep
    )
    return json_answer(translate.target(plan))


async def run_backup(call: Call) -> Response:
    """Start a backup."""
    return json_answer(translate.task(await call.engine.backups.run(call.actor)), 202)


async def verify_backup(call: Call) -> Response:
    """Start a restore drill of a backup."""
    body = await call.body(requests.VerifyBackup)
    task = await call.engine.backups.verify(body.backup, call.actor, accepts_smaller=body.accept_smaller)
    return json_answer(translate.task(task), 202)


async def plan_restore(call: Call) -> Response:
    """Return what a restore would do."""
    body = await call.body(requests.RestoreBackup)
    return json_answer(translate.restore_plan(await call.engine.backups.plan_restore(body.backup, _wanted(body))))


async def restore_backup(call: Call) -> Response:
    """Start a restore of an app's volumes, or of a service."""
    body = await call.body(requests.RestoreBackup)
    return json_answer(translate.task(await call.engine.backups.restore(body.backup, _wanted(body), call.actor)), 202)


async def show_task(call: Call) -> Response:
    """Return a backup task and its outcome."""
    return json_answer(translate.task(await call.engine.backups.task(str(call.request.path_params["task"]))))


def _wanted(body: requests.RestoreBackup) -> RestoreSubject:
    if bool(body.app) is bool(body.service):
        raise InvalidError("nothing was restored", why="one of app and service is needed", next="name what to restore")
    to = body.to or body.app or body.service
    return RestoreSubject(
        app=body.app, service=body.service, to=to, volumes=tuple(body.volumes), replaces=body.replace
    )  # fmt: skip
