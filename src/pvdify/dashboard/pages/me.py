"""The *Me* page: the reader's own sessions and passkeys."""

from starlette.responses import RedirectResponse, Response

from pvdify.dashboard import cookies
from pvdify.dashboard.call import Call
from pvdify.dashboard.hosts import can_have_passkeys
from pvdify.dashboard.problems import SIGN_IN
from pvdify.engine.access.sessions import holder_of
from pvdify.model.user import HolderKind


async def show_me(call: Call) -> Response:
    """Show the reader's rights, sessions and passkeys."""
    holder = holder_of(call.actor)
    sessions = [it for it in await call.engine.sessions.list() if (it.kind, it.holder) == (holder.kind, holder.id)]
    is_user = holder.kind is HolderKind.USER
    return call.page(
        "me.html", sessions=sessions, passkeys=await call.engine.passkeys.list(holder.id) if is_user else (),
        can_add_passkey=is_user and can_have_passkeys(call.request), is_user=is_user,
    )  # fmt: skip


async def end_session(call: Call) -> Response:
    """End one of the reader's sessions."""
    session = await call.engine.sessions.revoke(str(call.request.path_params["session"]), call.actor)
    return call.done("/me", f"The session {session.id} is signed out.")


async def sign_out_everywhere(call: Call) -> Response:
    """End all sessions of the reader, including this one."""
    await call.engine.sessions.revoke_all(holder_of(call.actor), call.actor)
    response = RedirectResponse(SIGN_IN, 303)
    cookies.clear(response, call.request, call.engine.settings)
    return response
