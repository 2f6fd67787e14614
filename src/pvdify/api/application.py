"""The ASGI application: routes, authentication and errors around the table."""

import ipaddress
import re
import time
import uuid
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pvdify.api.call import Call, Engine
from pvdify.api.errors import answer_http, answer_known, answer_unexpected
from pvdify.api.handlers import metrics
from pvdify.api.openapi import openapi_document
from pvdify.api.routes import ENDPOINTS, PREFIX, Endpoint
from pvdify.engine.tokens import check_allowed
from pvdify.errors import NotSignedIn, PvdifyError
from pvdify.model.token import Actor, Role

ROOT = Actor(name="root", role=Role.ADMIN)
NOBODY = Actor(name="nobody", role=Role.READ)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
Authenticate = Callable[[Request], Awaitable[Actor]]


def build_application(engine: Engine, *, is_local: bool) -> ASGIApp:
    """The API over the network, or (``is_local``) over the unix socket that only root can open."""
    authenticate = _as_root if is_local else _by_token(engine)
    routes = [_route(endpoint, engine, authenticate) for endpoint in ENDPOINTS]
    routes.append(Route(f"{PREFIX}/openapi.json", _openapi, methods=["GET"]))
    routes += [
        Route(path, _metrics(engine, authenticate), methods=["GET"]) for path in ("/metrics", f"{PREFIX}/metrics")
    ]
    application = Starlette(
        routes=routes,
        exception_handlers={
            PvdifyError: answer_known,
            HTTPException: answer_http,
            Exception: answer_unexpected,
        },
    )
    return RequestId(Timed(application, engine))


class Timed:
    """Counts what is asked and how long the answer takes to begin, by the path of the route table."""

    def __init__(self, application: ASGIApp, engine: Engine) -> None:
        self._application, self._engine = application, engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        begun = time.monotonic()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                path = scope.get("state", {}).get("route", "other")
                seconds = time.monotonic() - begun
                self._engine.observations.note_answer(scope["method"], path, message["status"], seconds)
            await send(message)

        await self._application(scope, receive, send_counted if scope["type"] == "http" else send)


class RequestId:
    """Gives every request an id (the caller's own, if it brings a plain one) and every answer the same."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        await self._application(scope, receive, send_with_id)


def _route(endpoint: Endpoint, engine: Engine, authenticate: Authenticate) -> Route:
    async def handle(request: Request) -> Response:
        request.state.route = PREFIX + endpoint.path
        actor = NOBODY
        if endpoint.needs is not None:
            actor = await authenticate(request)
            app = _app_of(request)
            # A list for a token of one app shows that app alone; what is not about an app needs a token for all.
            is_filtered = endpoint.method == "GET" and endpoint.needs is Role.READ and app is None
            check_allowed(actor, endpoint.needs, actor.app if is_filtered else app)
        return await endpoint.handler(Call(engine=engine, request=request, actor=actor))

    return Route(PREFIX + endpoint.path, handle, methods=[endpoint.method])


def _metrics(engine: Engine, authenticate: Authenticate) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        request.state.route = "/metrics"
        actor = ROOT if is_from_this_machine(request) else await authenticate(request)
        check_allowed(actor, Role.READ, None)
        return await metrics.show_metrics(Call(engine=engine, request=request, actor=actor))

    return handle


def is_from_this_machine(request: Request) -> bool:
    """Whether it comes over loopback, and not from far away through a proxy or tunnel that ends here."""
    is_passed_on = any(name in request.headers for name in ("x-forwarded-for", "cf-connecting-ip", "forwarded", "via"))
    if request.client is None or is_passed_on:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _app_of(request: Request) -> str | None:
    """The app that a request is about; a preview's token is good for that preview."""
    app, number = request.path_params.get("app"), request.path_params.get("pr")
    return app if number is None else f"{app}-pr-{number}"


async def _openapi(_request: Request) -> Response:
    return Response(openapi_document(), media_type="application/json")


async def _as_root(_request: Request) -> Actor:
    return ROOT


def _by_token(engine: Engine) -> Authenticate:
    async def authenticate(request: Request) -> Actor:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise NotSignedIn(
                "this request carries no token",
                next="send `Authorization: Bearer TOKEN`; on the command line `pvdify login`, or set PVDIFY_TOKEN",
            )
        return await engine.tokens.actor_of(text.strip())

    return authenticate
