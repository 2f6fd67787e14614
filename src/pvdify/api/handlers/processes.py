"""/apps/{app}/processes, and the operations that change them."""

import re

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.errors import InvalidScale
from pvdify.model.operation import Operation
from pvdify.model.scale import Relative, RequestedCount
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import RestartProcesses

_WISH = re.compile(r"([=+-]?)([0-9]{1,4})")


async def list_processes(call: Call) -> Response:
    """Return the app's status, process types and instances."""
    view = await call.engine.queries.processes.show(call.app)
    return json_answer(
        answers.Processes(
            processes=[translate.process(each) for each in view.processes],
            status=view.status.word.value,
            status_cause=view.status.cause,
            status_since=view.status.since,
        )
    )


async def scale_processes(call: Call) -> Response:
    """Scale processes: ``{"web": 3, "worker": "+1"}``, now and for later deploys."""
    requested = _requested(call.app, await call.object())
    return _accepted(await call.engine.processes.scale(call.app, requested, call.actor))


async def restart_processes(call: Call) -> Response:
    """Replace all instances, or those of one process, with new ones of the same release and config."""
    body = await call.body(RestartProcesses)
    return _accepted(await call.engine.processes.restart(call.app, body.process, call.actor))


async def stop_processes(call: Call) -> Response:
    """Stop all instances until they are started again, also across deploys; visitors get 503."""
    return _accepted(await call.engine.processes.set_stopped(call.app, call.actor, is_stopped=True))


async def start_processes(call: Call) -> Response:
    """Start as many instances as ran before the stop."""
    return _accepted(await call.engine.processes.set_stopped(call.app, call.actor, is_stopped=False))


async def show_operation(call: Call) -> Response:
    """Return the state of a scale, restart, stop or start."""
    id = str(call.request.path_params["operation"])
    return json_answer(translate.operation(await call.engine.processes.operation(call.app, id)))


def _accepted(operation: Operation) -> Response:
    headers = {"Location": f"/api/v1/apps/{operation.app}/operations/{operation.id}"}
    return json_answer(translate.operation(operation), 202, headers)


def _requested(app: str, content: dict[str, object]) -> dict[str, RequestedCount]:
    requested, problems = {}, []
    for process, value in content.items():
        wanted = _requested_count(value)
        if wanted is None:
            problems.append(f'{process}: expected a whole number, "+1" or "-1"')
        else:
            requested[process] = wanted
    if problems:
        raise InvalidScale(
            f"{app} was not scaled", next=f"`pvdify ps {app}` shows its processes", details={"problems": problems}
        )
    return requested


def _requested_count(value: object) -> RequestedCount | None:
    if isinstance(value, dict) and set(value) == {"count"}:
        value = value["count"]
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    found = _WISH.fullmatch(str(value))
    return RequestedCount(number=int(found[2]), how=Relative(found[1] or "=")) if found else None
