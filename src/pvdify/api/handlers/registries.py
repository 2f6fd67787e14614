"""/registries."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.model.instance import Secret
from pvdify.wire.requests import LogInToRegistry


async def list_registries(call: Call) -> Response:
    """Where this server signs in, and as whom."""
    return json_answer({"registries": [translate.registry(it) for it in await call.engine.registries.list()]})


async def show_registry(call: Call) -> Response:
    """One of them."""
    return json_answer(translate.registry(await call.engine.registries.get(_host(call))))


async def put_registry(call: Call) -> Response:
    """Sign in from now on."""
    body = await call.body(LogInToRegistry)
    login = await call.engine.registries.login(_host(call), body.username, Secret(body.password), call.actor)
    return json_answer(translate.registry(login))


async def remove_registry(call: Call) -> Response:
    """Sign in no more."""
    await call.engine.registries.logout(_host(call), call.actor)
    return Response(status_code=204)


def _host(call: Call) -> str:
    return str(call.request.path_params["host"])
