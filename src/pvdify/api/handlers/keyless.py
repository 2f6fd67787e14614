"""/apps/{app}/github and /auth/github: deploys without a stored secret."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.access.keyless import LinkRequest
from pvdify.model.link import DEFAULT_EVENTS
from pvdify.web.address import address_of
from pvdify.web.answers import json_answer
from pvdify.wire.requests import ExchangeIdentity, LinkRepository


async def list_links(call: Call) -> Response:
    """List the repositories whose workflows may deploy the app."""
    return json_answer({"links": [translate.link(it) for it in await call.engine.keyless.links(call.app)]})


async def link(call: Call) -> Response:
    """Allow a repository's workflows to deploy the app; an earlier link of the two is replaced."""
    body = await call.body(LinkRepository)
    wanted = LinkRequest(
        repository=body.repository,
        branch=body.branch,
        environment=body.environment,
        allows_previews=body.previews,
        events=tuple(body.events) if body.events is not None else DEFAULT_EVENTS,
        workflow=body.workflow,
        domains=tuple(body.domains or ()),
        repository_id=body.repository_id,
        owner_id=body.owner_id,
    )
    return json_answer(translate.link(await call.engine.keyless.link(call.app, wanted, call.actor)), 201)


async def unlink(call: Call) -> Response:
    """Remove a repository's link; the tokens of its workflows stop working at once."""
    repository = "{owner}/{name}".format(**call.request.path_params)
    await call.engine.keyless.unlink(call.app, repository, call.actor)
    return Response(status_code=204)


async def exchange(call: Call) -> Response:
    """Exchange the OpenID token of a linked repository's workflow for a token for one app, valid for ten minutes."""
    address = await address_of(call.request, call.engine)
    body = await call.body(ExchangeIdentity)
    token, text = await call.engine.keyless.exchange(body.token, body.app, address)
    return json_answer(translate.new_token(token, text), headers={"Cache-Control": "no-store"})
