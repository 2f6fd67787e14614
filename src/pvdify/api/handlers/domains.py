"""/apps/{app}/domains."""

from urllib.parse import quote

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.wire.requests import AddDomain


async def list_domains(call: Call) -> Response:
    """All hostnames that the app answers to, its own first."""
    found = await call.engine.domains.list(call.app)
    return json_answer({"domains": [translate.domain(it, call.engine.settings) for it in found]})


async def add_domain(call: Call) -> Response:
    """Have the app answer to one more hostname; one that it has already is answered with 200."""
    body = await call.body(AddDomain)
    added, is_new = await call.engine.domains.add(call.app, body.hostname, call.actor)
    headers = {"Location": f"/api/v1/apps/{call.app}/domains/{quote(added.hostname, safe='')}"}
    return json_answer(translate.domain(added, call.engine.settings), 201 if is_new else 200, headers)


async def remove_domain(call: Call) -> Response:
    """Have the app no longer answer to a hostname that was added to it."""
    await call.engine.domains.remove(call.app, str(call.request.path_params["hostname"]), call.actor)
    return Response(status_code=204)
