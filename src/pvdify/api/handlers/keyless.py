"""/apps/{app}/github and /auth/github: deploys without a stored secret."""

from starlette.responses import Response

from pvdify.api.address import address_of
from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.engine.keyless import LinkRequest
from pvdify.model.link import Link
from pvdify.wire import answers
from pvdify.wire.requests import ExchangeIdentity, LinkRepository


async def list_links(call: Call) -> Response:
    """The repositories whose workflows may deploy the app."""
    return json_answer({"links": [_shown(it) for it in await call.engine.keyless.links(call.app)]})


async def link(call: Call) -> Response:
    """This repository's workflows may deploy the app from now on; an earlier link of the two is replaced."""
    body = await call.body(LinkRepository)
    wanted = LinkRequest(
        repository=body.repository,
        branch=body.branch,
        environment=body.environment,
        allows_previews=body.previews,
        repository_id=body.repository_id,
        owner_id=body.owner_id,
    )
    return json_answer(_shown(await call.engine.keyless.link(call.app, wanted, call.actor)), 201)


async def unlink(call: Call) -> Response:
    """This repository's workflows may nothing any more, nor do tokens that they hold."""
    repository = "{owner}/{name}".format(**call.request.path_params)
    await call.engine.keyless.unlink(call.app, repository, call.actor)
    return Response(status_code=204)


async def exchange(call: Call) -> Response:
    """A token for one app, good for ten minutes, for the OpenID token of a workflow of a linked repository."""
    address = address_of(call.request, call.engine.settings)
    call.engine.keyless.check_turn(address)
    body = await call.body(ExchangeIdentity)
    token, text = await call.engine.keyless.exchange(body.token, body.app, address)
    shown = answers.NewToken(
        token=text, id=token.id, name=token.name, role=token.role.value, app=token.app,
        created_at=token.created_at, expires_at=token.expires_at,
    )  # fmt: skip
    return json_answer(shown, headers={"Cache-Control": "no-store"})


def _shown(it: Link) -> answers.Link:
    return answers.Link(
        app=it.app, repository=it.repository, repository_id=it.repository_id, owner_id=it.owner_id, branch=it.branch,
        environment=it.environment, previews=it.allows_previews, created_at=it.created_at, created_by=it.created_by,
    )  # fmt: skip
