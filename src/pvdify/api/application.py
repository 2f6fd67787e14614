"""The ASGI application: routes, authentication and errors around the table."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pvdify.api.app_answers import AppAnswers
from pvdify.api.call import Call
from pvdify.api.errors import answer_http, answer_known, answer_unexpected
from pvdify.api.handlers import metrics
from pvdify.api.openapi import openapi_document
from pvdify.api.routes import ENDPOINTS, PREFIX, Endpoint
from pvdify.engine.access.places import Places
from pvdify.engine.access.tokens import check_allowed
from pvdify.engine.front_door import Engine
from pvdify.engine.world.not_found import renamed
from pvdify.errors import PvdifyError
from pvdify.model.token import Actor, Role
from pvdify.web.address import sender_of
from pvdify.web.holding import MOST_STREAMS, answered
from pvdify.web.middleware import observed
from pvdify.web.numbers import use_small_numbers
from pvdify.web.signing_in import NOBODY, ROOT, Authenticate, as_root, by_token, is_from_this_machine

METRICS_PATHS = ("/metrics", f"{PREFIX}/metrics")


def build_application(
    engine: Engine, *, is_local: bool, streams: int = MOST_STREAMS, places: Places | None = None
) -> ASGIApp:
    """Build the API for the network, or (``is_local``) over the unix socket that only root can open.

    Args:
        engine: does the work.
        is_local: every client is root, and has as many requests and streams at once as connections.
        streams: the limit of streams open at once, for all other clients together.
        places: the counter of streams, if another application on the same listener shares it.
    """
    use_small_numbers()
    authenticate = as_root if is_local else by_token(engine.tokens)
    counted = None if is_local else places or Places(streams)
    apps = AppAnswers()
    routes = [_route(endpoint, engine, authenticate, counted, apps) for endpoint in ENDPOINTS]
    routes.append(Route(f"{PREFIX}/openapi.json", _openapi, methods=["GET"]))
    routes += [Route(path, _metrics(engine, authenticate), methods=["GET"]) for path in METRICS_PATHS]
    application = Starlette(
        routes=routes,
        exception_handlers={
            PvdifyError: answer_known,
            HTTPException: answer_http,
            Exception: answer_unexpected,
        },
    )
    return observed(application, engine.observations)


def _route(
    endpoint: Endpoint, engine: Engine, authenticate: Authenticate, places: Places | None, apps: AppAnswers
) -> Route:  # fmt: skip
    async def handle(request: Request) -> Response:
        request.state.route = PREFIX + endpoint.path
        actor, app = NOBODY, _app_of(request)
        if endpoint.needs is not None:
            address = await _address(request, engine, is_local=places is None)
            actor = replace(await authenticate(request), address=address)
            # With a token of one app, a list shows only that app. Other requests without an app need a token for all.
            is_filtered = endpoint.needs is Role.READ and app is None
            _check_current(request, engine, actor)
            check_allowed(actor, endpoint.needs, actor.app if is_filtered else app)
        call = Call(engine=engine, request=request, actor=actor, apps=apps)
        if places is None or endpoint.needs is None:
            return await endpoint.handler(call)
        return await answered(lambda: endpoint.handler(call), places, actor, app)

    return Route(PREFIX + endpoint.path, handle, methods=[endpoint.method])


async def _address(request: Request, engine: Engine, *, is_local: bool) -> str:
    return "" if is_local else await sender_of(request, engine)


def _metrics(engine: Engine, authenticate: Authenticate) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        request.state.route = "/metrics"
        actor = ROOT if is_from_this_machine(request) else await authenticate(request)
        check_allowed(actor, Role.READ, actor.app)  # a token for one app gets that app's figures
        return await metrics.show_metrics(Call(engine=engine, request=request, actor=actor))

    return handle


def _app_of(request: Request) -> str | None:
    """Return the app in the path, or the preview's app, so that a preview's token is valid for that preview."""
    app, number = request.path_params.get("app"), request.path_params.get("pr")
    return app if number is None else f"{app}-pr-{number}"


def _check_current(request: Request, engine: Engine, actor: Actor) -> None:
    """Raise AppRenamed for a name that an app had before, if the actor may know of the app."""
    named = (request.path_params.get("app"), _app_of(request))
    former = next((found for name in named if name and (found := engine.renames.former(name))), None)
    if former is not None and actor.reaches(former.app):
        raise renamed(former)


async def _openapi(_request: Request) -> Response:
    return Response(openapi_document(), media_type="application/json")
