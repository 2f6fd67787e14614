"""Sign-in with a link of ``pvdify open``, a provider's account or an invitation, and sign-out."""

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from pvdify.dashboard import cookies
from pvdify.dashboard.call import Call
from pvdify.dashboard.hosts import can_have_passkeys
from pvdify.dashboard.problems import SIGN_IN, moving_on
from pvdify.model.user import Session

CALLBACK = "/sign-in/callback"


async def show_sign_in(call: Call) -> Response:
    """Show the ways to sign in; with a session, redirect to the page in ``to``."""
    if call.signed_in is not None:
        return RedirectResponse(own(call.request.query_params.get("to", "/")), 303)
    to = own(call.request.query_params.get("to", "/"))
    provider, can_use = call.engine.provider_sign_in.title, can_have_passkeys(call.request)
    return call.page("sign_in.html", provider=provider, to=to, can_use_passkey=can_use)


async def open_link(call: Call) -> Response:
    """Sign in with a link. A link works once."""
    # A prefetch of the browser, or a HEAD request of a program that checks links, must not use the link.
    if call.request.method == "HEAD" or "prefetch" in call.request.headers.get("sec-purpose", ""):
        raise HTTPException(503)
    agent = call.request.headers.get("user-agent", "")
    session, text = await call.engine.sessions.open_link(str(call.request.path_params["secret"]), call.address, agent)
    return signed_in(call, session, text, call.request.query_params.get("to", "/"))


async def begin_with_account(call: Call) -> Response:
    """Redirect the browser to the provider.

    The sign-in page has a link to this address and no form, because the content policy forbids forms that redirect to
    other sites.
    """
    to = own(call.request.query_params.get("to", "/"))
    redirect = f"{cookies.origin_of(call.request, call.engine.settings)}{CALLBACK}"
    address, kept = await call.engine.provider_sign_in.begin(redirect, to)
    response = RedirectResponse(address, 303)
    cookies.write_attempt(response, call.request, call.engine.settings, kept)
    return response


async def finish_with_account(call: Call) -> Response:
    """Sign in with the code that the provider's redirect contains."""
    query, agent = call.request.query_params, call.request.headers.get("user-agent", "")
    kept = cookies.read_attempt(call.request, call.engine.settings)
    session, text, to = await call.engine.provider_sign_in.finish(
        query.get("code", ""), query.get("state", ""), kept, call.address, agent
    )  # fmt: skip
    response = signed_in(call, session, text, to)
    cookies.clear_attempt(response, call.request, call.engine.settings)
    return response


async def show_invitation(call: Call) -> Response:
    """Show a form to accept the invitation.

    Opening the address does not use the invitation, because programs open links in messages.
    """
    user = await call.engine.users.invited(str(call.request.path_params["secret"]))
    return call.page("invitation.html", user=user)


async def accept_invitation(call: Call) -> Response:
    """Sign in with an invitation. An invitation works once."""
    agent = call.request.headers.get("user-agent", "")
    session, text = await call.engine.users.accept(str(call.request.path_params["secret"]), call.address, agent)
    return signed_in(call, session, text, "/me")


async def sign_out(call: Call) -> Response:
    """End the session and delete its cookie."""
    if call.signed_in is not None:
        await call.engine.sessions.revoke(call.signed_in.session.id, call.actor)
    response = RedirectResponse(SIGN_IN, 303)
    cookies.clear(response, call.request, call.engine.settings)
    return response


def signed_in(call: Call, session: Session, text: str, to: str = "/") -> Response:
    """Return a response that sets the session cookie and opens ``to``.

    The browser may come from another site, so a page of this site opens ``to``: only then is the cookie sent.
    """
    response = moving_on(own(to))
    give_cookie(call, response, session, text)
    return response


def give_cookie(call: Call, response: Response, session: Session, text: str) -> None:
    """Set the session cookie until the session expires."""
    seconds = int((session.expires_at - session.created_at).total_seconds())
    cookies.write(response, call.request, call.engine.settings, text, seconds)


def own(path: str) -> str:
    """Return the path if it is one of this site, else the path of the start page."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if is_own else "/"
