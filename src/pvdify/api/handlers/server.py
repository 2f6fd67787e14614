"""/health, /whoami, /status, /tokens and /events."""

from starlette.responses import Response

from pvdify import __version__
from pvdify.api import translate
from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.model.token import Role
from pvdify.wire import answers
from pvdify.wire.disk import AppDisk
from pvdify.wire.requests import CreateToken


async def show_health(_call: Call) -> Response:
    """That pvdifyd answers."""
    return json_answer(answers.Health(status="ok", version=__version__))


async def show_identity(call: Call) -> Response:
    """Whose token this is."""
    it = call.actor
    return json_answer(answers.Identity(name=it.name, role=it.role.value, app=it.app))


async def show_status(call: Call) -> Response:
    """The server at a glance."""
    view = await call.engine.queries.server()
    checks = (*view.checks, await call.engine.edge.check())
    return json_answer(
        answers.Status(
            version=__version__,
            base_domain=call.engine.settings.base_domain,
            router_listen=str(call.engine.settings.router_listen),
            apps=view.apps,
            running_operations=view.running_operations,
            checks=[answers.Check(name=it.name, state=it.state, text=it.text, next=it.next) for it in checks],
            disk=[
                AppDisk(app=app, images=it.images, bytes=it.size, shared=it.shared)
                for app, it in sorted(view.disk.items(), key=lambda item: -item[1].size)
            ],
        )
    )


async def list_tokens(call: Call) -> Response:
    """All tokens, without their secrets."""
    return json_answer({"tokens": [translate.token(it) for it in await call.engine.queries.tokens()]})


async def create_token(call: Call) -> Response:
    """A new token; this is the only time it is shown."""
    body = await call.body(CreateToken)
    token, text = await call.engine.tokens.create(body.name, Role(body.role), body.app, body.expires_in, call.actor)
    shown = answers.NewToken(
        token=text, id=token.id, name=token.name, role=token.role.value, app=token.app,
        created_at=token.created_at, expires_at=token.expires_at,
    )  # fmt: skip
    return json_answer(shown, 201, {"Location": f"/api/v1/tokens/{token.id}"})


async def revoke_token(call: Call) -> Response:
    """The token is good for nothing from now on."""
    await call.engine.tokens.revoke(call.request.path_params["token"], call.actor)
    return Response(status_code=204)


async def list_events(call: Call) -> Response:
    """Who did what, newest first; a token for one app sees that app's."""
    app = call.actor.app or call.request.query_params.get("app")
    events = await call.engine.queries.events(app, call.number("limit", 100) or 100)
    return json_answer({"events": [translate.event(it) for it in events]})
