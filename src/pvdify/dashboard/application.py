"""The dashboard's ASGI application: checks sessions, roles and forms, calls the pages, and renders errors."""

from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pvdify.dashboard import cookies, static_files
from pvdify.dashboard.call import Call, Shared
from pvdify.dashboard.forms import check_key, check_origin
from pvdify.dashboard.problems import answer_http, answer_known, answer_unexpected, no_session
from pvdify.dashboard.pulse import Pulse
from pvdify.dashboard.remembered import Remembered
from pvdify.dashboard.routes import PAGES, Page
from pvdify.dashboard.security import SecurityHeaders
from pvdify.dashboard.streams import ended_with_session, one_turn
from pvdify.engine.access.places import Places
from pvdify.engine.access.sessions import SignedIn
from pvdify.engine.access.tokens import check_allowed
from pvdify.engine.front_door import Engine
from pvdify.errors import DeniedError, PvdifyError
from pvdify.model.token import Role
from pvdify.web.address import sender_of
from pvdify.web.answers import EventStream
from pvdify.web.body import form_of
from pvdify.web.holding import MOST_STREAMS, answered
from pvdify.web.middleware import Observed
from pvdify.web.numbers import use_small_numbers


def build_application(engine: Engine, *, places: Places | None = None) -> ASGIApp:
    """Build the dashboard. ``places``: the limits on requests and streams, shared with the API of the same listener."""
    use_small_numbers()
    counted = places or Places(MOST_STREAMS)
    shared = _shared(engine)
    routes = [_route(page, engine, counted, shared) for page in PAGES]
    routes.append(Route(f"{static_files.PATH}/{{name:path}}", static_files.show_file, methods=["GET"]))
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
    return Observed(SecurityHeaders(application), engine.observations)


def _shared(engine: Engine) -> Shared:
    checks, server, volumes = Remembered[Any](), Remembered[Any](), Remembered[Any]()
    return Shared(pulse=Pulse(engine, checks, server, volumes), checks=checks, server=server, volumes=volumes)


def _route(page: Page, engine: Engine, places: Places, shared: Shared) -> Route:
    async def handle(request: Request) -> Response:
        request.state.route = page.path
        address = await sender_of(request, engine)
        signed_in = await _signed_in(request, engine, address)
        call = Call(engine=engine, request=request, shared=shared, signed_in=signed_in, address=address)
        if page.method == "POST":
            call = await _with_form(call, page)
        if page.needs is None:
            return await page.handler(call)
        _check(call, page.needs)
        return await answered(lambda: _streamed_while_signed_in(page, call), places, call.actor, _app_of(request))

    return Route(page.path, handle, methods=[page.method])


async def _streamed_while_signed_in(page: Page, call: Call) -> Response:
    response = await page.handler(call)
    if not isinstance(response, EventStream):
        return response
    if call.is_turn:
        return one_turn(response)

    async def is_good() -> bool:
        try:
            now = await _signed_in(call.request, call.engine, call.address)
            _check(replace(call, signed_in=now), page.needs or Role.READ)
        except DeniedError:
            return False
        return True

    return ended_with_session(response, is_good)


async def _signed_in(request: Request, engine: Engine, address: str) -> SignedIn | None:
    """Return the session of the request's cookie, or None.

    The cookie contains no rights: the holder's current rights are read from the store.
    """
    text = cookies.read(request, engine.settings)
    found = await engine.sessions.who(text) if text else None
    return replace(found, actor=replace(found.actor, address=address)) if found is not None else None


async def _with_form(call: Call, page: Page) -> Call:
    check_origin(call.request, call.engine.settings)
    if page.needs is not None and call.signed_in is None:
        raise no_session()
    form = {} if page.is_raw else await form_of(call.request)
    if call.signed_in is not None:
        check_key(call.request, form, call.signed_in.key)
    return replace(call, form=form)


def _check(call: Call, needs: Role) -> None:
    if call.signed_in is None:
        raise no_session()
    actor, app = call.actor, _app_of(call.request)
    # A user of one app may open a list, which shows only that app. Other pages without an app need rights for all apps.
    is_filtered = needs is Role.READ and app is None
    check_allowed(actor, needs, actor.app if is_filtered else app)


def _app_of(request: Request) -> str | None:
    app, number = request.path_params.get("app"), request.path_params.get("pr")
    return app if number is None else f"{app}-pr-{number}"
