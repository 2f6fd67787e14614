"""/services."""

from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.responses import Response

from pvdify.api import translate_services as translate
from pvdify.api.call import Call
from pvdify.api.handlers.run import created, raw_streams, terminal_size
from pvdify.engine.state.services.services import ServiceRequest, ServiceView
from pvdify.errors import ServiceNotFound
from pvdify.model.instance import LogLine
from pvdify.model.service_kinds import CUSTOM
from pvdify.web.answers import ServerSentEvent, event_stream, json_answer
from pvdify.wire import answers
from pvdify.wire.requests import ConnectService, CreateService, LinkService, UpgradeService

MOST_LINES = 10_000


async def list_services(call: Call) -> Response:
    """List the services, those in the trash last."""
    found = [_own_part(call, it) for it in await call.engine.services.list() if _is_shown(call, it)]
    return json_answer({"services": [translate.service(it, call.engine.settings) for it in found]})


async def create_service(call: Call) -> Response:
    """Create a service; answers before it is ready."""
    body = await call.body(CreateService)
    wanted = ServiceRequest(
        kind=body.kind or CUSTOM, image=body.image, port=body.port, volume=body.volume,
        environment=body.environment, memory=body.memory, url=body.url,
    )  # fmt: skip
    return _shown(call, await call.engine.services.create(body.name, wanted, call.actor), 202)


async def show_service(call: Call) -> Response:
    """Return a service."""
    return _shown(call, await _view(call, _name(call)), 200)


async def destroy_service(call: Call) -> Response:
    """Destroy a service; its data is moved to the trash, or deleted with ``purge``."""
    confirm = call.request.query_params.get("confirm")
    await call.engine.services.destroy(_name(call), confirm, call.actor, purges=call.flag("purge"))
    return Response(status_code=202)


async def restore_service(call: Call) -> Response:
    """Restore a service from the trash."""
    return _shown(call, await call.engine.services.restore(_name(call), call.actor), 202)


async def restart_service(call: Call) -> Response:
    """Restart a service."""
    return _shown(call, await call.engine.services.restart(_name(call), call.actor), 202)


async def rotate_service(call: Call) -> Response:
    """Replace a service's password."""
    return _shown(call, await call.engine.services.rotate(_name(call), call.actor), 202)


async def upgrade_service(call: Call) -> Response:
    """Upgrade a service to another image."""
    body = await call.body(UpgradeService)
    return _shown(call, await call.engine.services.upgrade(_name(call), body.image, call.actor), 202)


async def plan_upgrade(call: Call) -> Response:
    """Return what an upgrade would do."""
    await _view(call, _name(call))
    plan = await call.engine.services.plan_upgrade(_name(call), call.request.query_params.get("image") or "")
    apps = tuple(app for app in plan.apps if call.actor.app in (None, app))
    return json_answer(translate.service_plan(replace(plan, apps=apps)))


async def link_service(call: Call) -> Response:
    """Link a service to an app."""
    body = await call.body(LinkService)
    link = await call.engine.service_links.link(_name(call), _linked(call), body.variable, call.actor)
    return json_answer(translate.service_link(link))


async def unlink_service(call: Call) -> Response:
    """Remove the link between a service and an app."""
    await call.engine.service_links.unlink(_name(call), _linked(call), call.actor)
    return Response(status_code=204)


async def show_logs(call: Call) -> Response:
    """Return the last lines of a service's log, or follow it."""
    services, name = call.engine.services, _name(call)
    await _view(call, name)
    if call.flag("follow"):
        return event_stream(_events(await services.follow(name)))
    lines = await services.logs(name, call.number("lines", 100, least=0, most=MOST_LINES) or 0)
    return json_answer(answers.ServiceLines(lines=[_text(line) for line in lines]))


async def connect_service(call: Call) -> Response:
    """Run a command in a service's container; its output and end are those of /run."""
    body = await call.body(ConnectService)
    words = tuple(body.command) if isinstance(body.command, list) else body.command
    size = terminal_size(body.terminal) if body.terminal else None
    run = await call.engine.one_offs.enter_service(
        await call.engine.services.get(_name(call)), words, size, call.actor, raw_streams(body.raw)
    )
    return created(run)


def _shown(call: Call, view: ServiceView, status: int) -> Response:
    return json_answer(translate.service(_own_part(call, view), call.engine.settings), status)


async def _events(lines: AsyncIterator[LogLine]) -> AsyncIterator[ServerSentEvent]:
    async for line in lines:
        yield ServerSentEvent(data=_text(line))


def _text(line: LogLine) -> str:
    return f"{line.at:%Y-%m-%dT%H:%M:%S}Z {line.text}"


def _linked(call: Call) -> str:
    """Return the app in the path. Not named ``app`` there, so that a token of one app may not choose its services."""
    return str(call.request.path_params["linked"])


def _is_shown(call: Call, view: ServiceView) -> bool:
    """Whether the service may be seen: with a token for one app, only those that the app is linked to."""
    return call.actor.app is None or any(link.app == call.actor.app for link in view.links)


def _own_part(call: Call, view: ServiceView) -> ServiceView:
    """Leave out links of other apps, for a token for one app."""
    if call.actor.app is None:
        return view
    return replace(view, links=tuple(link for link in view.links if link.app == call.actor.app))


async def _view(call: Call, name: str) -> ServiceView:
    """Return a service. Raises ServiceNotFound, also for a service that may not be seen."""
    view = await call.engine.services.show(name)
    if not _is_shown(call, view):
        raise ServiceNotFound(f"there is no service {name}", next="`pvdify services` lists them")
    return view


def _name(call: Call) -> str:
    return str(call.request.path_params["service"])
