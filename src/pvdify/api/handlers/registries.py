"""/registries."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.model.instance import Secret
from pvdify.web.answers import json_answer
from pvdify.wire.requests import LogInToRegistry


async def list_registries(call: Call) -> Response:
    """List the registry logins, without passwords; a token for one app sees that app's."""
    found = [it for it in await call.engine.registries.list() if call.actor.reaches(it.app)]
    return json_answer({"registries": [translate.registry(it) for it in found]})


async def show_registry(call: Call) -> Response:
    """Return a registry login, without its password."""
    app = call.actor.app or _app(call)
    return json_answer(translate.registry(await call.engine.registries.get(_host(call), app)))


async def put_registry(call: Call) -> Response:
    """Store a registry login, for one app or for all apps."""
    body = await call.body(LogInToRegistry)
    password = Secret(body.password)
    login = await call.engine.registries.login(_host(call), body.username, password, call.actor, body.app)
    return json_answer(translate.registry(login))


async def remove_registry(call: Call) -> Response:
    """Remove a registry login."""
    await call.engine.registries.logout(_host(call), call.actor, _app(call))
    return Response(status_code=204)


def _host(call: Call) -> str:
    return str(call.request.path_params["host"])


def _app(call: Call) -> str | None:
    return call.request.query_params.get("app") or None
