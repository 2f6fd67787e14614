"""The ASGI application: routes, authentication and errors around the table."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pvdify.api.call import Call
from pvdify.api.errors import answer_http, answer_known, answer_unexpected
from pvdify.api.handlers import metrics
from pvdify.api.kept_answers import Kept, RecordAnswers
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
from pvdify.web.middleware import Observed
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
    kept = Kept(records=RecordAnswers(lambda: engine.queries.writes))
    routes = [
        Route(
            PREFIX + endpoint.path, _Handler(endpoint, engine, authenticate, counted, kept), methods=[endpoint.method]
        )
        for endpoint in ENDPOINTS
    ]
    routes.append(Route(f"{PREFIX}/openapi.json", _openapi, methods=["GET"]))
    routes += [Route(path, _metrics(engine, authenticate, kept), methods=["GET"]) for path in METRICS_PATHS]
    application = Starlette(
        routes=routes,
        exception_handlers={
            PvdifyError: answer_known,
            HTTPException: answer_http,
            Exception: answer_unexpected,
        },
    )
    # A redirect would lead to http://, and some clients would send their token there.
    application.router.redirect_slashes = False
    return Observed(application, engine.observations)


class _Handler:
    """Answers the requests of one endpoint: checks the token and its rights, and limits requests at once.

    An ASGI application and no function, because Starlette wraps functions into two more calls for each request.
    """

    def __init__(
        self, endpoint: Endpoint, engine: Engine, authenticate: Authenticate, places: Places | None, kept: Kept
    ) -> None:  # fmt: skip
        self._endpoint, self._engine, self._authenticate = endpoint, engine, authenticate
        self._places, self._kept = places, kept
        self._path = PREFIX + endpoint.path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Raises PvdifyError."""
        request = Request(scope, receive, send)
        scope["state"]["route"] = self._path
        actor, app = NOBODY, _app_of(request)
        if self._endpoint.needs is not None:
            actor = await self._allowed(request, self._endpoint.needs, app)
        call = Call(engine=self._engine, request=request, actor=actor, kept=self._kept)
        if self._places is None or self._endpoint.needs is None:
            response = await self._endpoint.handler(call)
        else:
            response = await answered(lambda: self._endpoint.handler(call), self._places, actor, app)
        await response(scope, receive, send)

    async def _allowed(self, request: Request, needs: Role, app: str | None) -> Actor:
        address = "" if self._places is None else await sender_of(request, self._engine)
        actor = replace(await self._authenticate(request), address=address)
        # With a token of one app, a list shows only that app. Other requests without an app need a token for all.
        is_filtered = needs is Role.READ and app is None
        _check_current(request, app, self._engine, actor)
        check_allowed(actor, needs, actor.app if is_filtered else app)
        return actor


def _metrics(engine: Engine, authenticate: Authenticate, kept: Kept) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        request.state.route = "/metrics"
        actor = ROOT if is_from_this_machine(request) else await authenticate(request)
        check_allowed(actor, Role.READ, actor.app)  # a token for one app gets that app's figures
        return await metrics.show_metrics(Call(engine=engine, request=request, actor=actor, kept=kept))

    return handle


def _app_of(request: Request) -> str | None:
    """Return the app in the path, or the preview's app, so that a preview's token is valid for that preview."""
    app, number = request.path_params.get("app"), request.path_params.get("pr")
    return app if number is None else f"{app}-pr-{number}"


def _check_current(request: Request, app: str | None, engine: Engine, actor: Actor) -> None:
    """Raise AppRenamed for a name that an app had before, if the actor may know of the app.

    ``app``: as ``_app_of`` returns it; the path may name a preview's parent.
    """
    if app is None:
        return
    named = request.path_params["app"]
    former = engine.renames.former(named) or (engine.renames.former(app) if app != named else None)
    if former is not None and actor.reaches(former.app):
        raise renamed(former)


async def _openapi(_request: Request) -> Response:
    return Response(openapi_document(), media_type="application/json")
