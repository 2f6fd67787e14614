"""Passkeys: the JSON requests of ``static/passkeys.js`` to create, use and remove passkeys."""

from starlette.responses import Response

from pvdify.dashboard import cookies
from pvdify.dashboard.call import Call
from pvdify.dashboard.hosts import can_have_passkeys
from pvdify.dashboard.pages.sign_in import give_cookie, own
from pvdify.dashboard.problems import no_session
from pvdify.engine.access.sessions import SignedIn
from pvdify.errors import InvalidError
from pvdify.model.passkey import Site
from pvdify.web.answers import json_answer
from pvdify.web.body import content_of


async def ask_for_new(call: Call) -> Response:
    """Send the options with which the browser creates a passkey."""
    content = await call.engine.passkeys.ask_for_new(_signed_in(call), _site(call))
    return Response(content, media_type="application/json")


async def add(call: Call) -> Response:
    """Store the passkey that the browser has created; its name is in the query."""
    name = call.request.query_params.get("name", "")
    passkey = await call.engine.passkeys.add(_signed_in(call), _site(call), await _answer(call), name)
    return json_answer({"name": passkey.name}, 201)


async def remove(call: Call) -> Response:
    """Remove one of the reader's passkeys."""
    passkey = await call.engine.passkeys.remove(str(call.request.path_params["passkey"]), _signed_in(call))
    return call.done("/me", f"The passkey {passkey.name} is removed.")


async def ask(call: Call) -> Response:
    """Send the options with which the browser signs in."""
    content, kept = call.engine.passkeys.ask(_site(call))
    response = Response(content, media_type="application/json")
    cookies.write_attempt(response, call.request, call.engine.settings, kept)
    return response


async def sign_in(call: Call) -> Response:
    """Sign in with a passkey. The response has the page to open next."""
    kept, agent = cookies.read_attempt(call.request, call.engine.settings), call.request.headers.get("user-agent", "")
    session, text = await call.engine.passkeys.sign_in(_site(call), kept, await _answer(call), call.address, agent)
    response = json_answer({"to": own(call.request.query_params.get("to", "/"))})
    cookies.clear_attempt(response, call.request, call.engine.settings)
    give_cookie(call, response, session, text)
    return response


async def _answer(call: Call) -> str:
    return (await content_of(call.request)).decode("utf-8", "replace")


def _site(call: Call) -> Site:
    if not can_have_passkeys(call.request):
        raise InvalidError(
            "browsers have no passkeys for an address that is a number", next="open http://localhost instead"
        )
    return Site(host=call.request.url.hostname or "", origin=cookies.origin_of(call.request, call.engine.settings))


def _signed_in(call: Call) -> SignedIn:
    if call.signed_in is None:
        raise no_session()
    return call.signed_in
