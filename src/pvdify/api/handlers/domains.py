"""/apps/{app}/domains and /apps/{app}/grants."""

from urllib.parse import quote

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.web.answers import json_answer
from pvdify.wire.requests import AddDomain


async def list_domains(call: Call) -> Response:
    """List the app's hostnames, its own first."""
    found = await call.engine.domains.list(call.app)
    urls = await call.engine.queries.urls()
    return json_answer({"domains": [translate.domain(it, urls) for it in found]})


async def add_domain(call: Call) -> Response:
    """Add a hostname to the app; 200 if it has the hostname already."""
    body = await call.body(AddDomain)
    added, is_new = await call.engine.domains.add(call.app, body.hostname, call.actor)
    headers = {"Location": f"/api/v1/apps/{call.app}/domains/{quote(added.hostname, safe='')}"}
    return json_answer(translate.domain(added, await call.engine.queries.urls()), 201 if is_new else 200, headers)


async def remove_domain(call: Call) -> Response:
    """Remove a hostname from the app."""
    await call.engine.domains.remove(call.app, str(call.request.path_params["hostname"]), call.actor)
    return Response(status_code=204)


async def list_grants(call: Call) -> Response:
    """List the hostnames that the app may claim besides its own."""
    return json_answer({"grants": [translate.grant(it) for it in await call.engine.domains.grants(call.app)]})


async def add_grant(call: Call) -> Response:
    """Allow the app to claim a hostname; the app need not exist yet."""
    body = await call.body(AddDomain)
    return json_answer(translate.grant(await call.engine.domains.grant(call.app, body.hostname, call.actor)), 201)


async def remove_grant(call: Call) -> Response:
    """Remove a grant."""
    await call.engine.domains.revoke(call.app, str(call.request.path_params["hostname"]), call.actor)
    return Response(status_code=204)
