"""/registries."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.model.instance import Secret
from pvdify.web.answers import json_answer
from pvdify.wire.requests import LogInToRegistry


async def list_registries(call: Call) -> Response:
    """Where this server signs in, and as whom; a token for one app sees that app's logins."""
    found = [it for it in await call.engine.registries.list() if call.actor.reaches(it.app)]
    return json_answer({"registries": [translate.registry(it) for it in found]})


async def show_registry(call: Call) -> Response:
    """One of them."""
    app = call.actor.app or _app(call)
    return json_answer(translate.registry(await call.engine.registries.get(_host(call), app)))


async def put_registry(call: Call) -> Response:
    """Sign in from now on, for one app or for every app."""
    body = await call.body(LogInToRegistry)
    password = Secret(body.password)
    login = await call.engine.registries.login(_host(call), body.username, password, call.actor, body.app)
    return json_answer(translate.registry(login))


async def remove_registry(call: Call) -> Response:
    """Sign in no more."""
    await call.engine.registries.logout(_host(call), call.actor, _app(call))
    return Response(status_code=204)


def _host(call: Call) -> str:
    return str(call.request.path_params["host"])


def _app(call: Call) -> str | None:
    return call.request.query_params.get("app") or None
