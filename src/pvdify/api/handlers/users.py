"""/users, /sessions and /sign-in-links: people and their browsers."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.access.users import Invitation
from pvdify.errors import DashboardOff
from pvdify.model.token import Role
from pvdify.web.answers import json_answer
from pvdify.web.links import INVITATION, SIGN_IN_LINK, own_url
from pvdify.wire import answers
from pvdify.wire.requests import InviteUser, SetUserRole

_UNKEPT = {"Cache-Control": "no-store"}


async def make_link(call: Call) -> Response:
    """Create a link that signs in one browser to the dashboard as the caller, once and within a minute."""
    _check_dashboard(call)
    secret, until = call.engine.sessions.make_link(call.actor)
    path = f"{SIGN_IN_LINK}/{secret}"
    link = answers.SignInLink(
        path=path, url=await own_url(call.engine, path), name=call.actor.name, expires_at=until
    )  # fmt: skip
    return json_answer(link, 201, _UNKEPT)


async def list_users(call: Call) -> Response:
    """List the users of the dashboard."""
    return json_answer({"users": [translate.user(it) for it in await call.engine.users.list()]})


async def invite(call: Call) -> Response:
    """Create a user; only this answer shows the link for the first sign-in."""
    _check_dashboard(call)
    body = await call.body(InviteUser)
    if body.again:
        user, secret = await call.engine.users.invite_again(body.name, call.actor)
    else:
        wanted = Invitation(
            name=body.name, role=Role(body.role), app=body.app, email=body.email, github=body.github
        )  # fmt: skip
        user, secret = await call.engine.users.invite(wanted, call.actor)
    path = f"{INVITATION}/{secret}"
    until = user.invited_until or user.created_at
    invited = answers.InvitedUser(
        user=translate.user(user), path=path, url=await own_url(call.engine, path), expires_at=until
    )  # fmt: skip
    return json_answer(invited, 201, {**_UNKEPT, "Location": f"/api/v1/users/{user.id}"})


async def set_role(call: Call) -> Response:
    """Change the rights of a user, by name or id."""
    body = await call.body(SetUserRole)
    user = await call.engine.users.set_role(_name(call), Role(body.role), body.app, call.actor)
    return json_answer(translate.user(user))


async def remove(call: Call) -> Response:
    """Remove a user, by name or id, and end the user's sessions."""
    await call.engine.users.remove(_name(call), call.actor)
    return Response(status_code=204)


async def sign_out(call: Call) -> Response:
    """End all sessions of a user."""
    await call.engine.users.sign_out(_name(call), call.actor)
    return Response(status_code=204)


async def list_sessions(call: Call) -> Response:
    """List the sessions of browsers, newest first."""
    return json_answer({"sessions": [translate.session(it) for it in await call.engine.sessions.list()]})


async def end_session(call: Call) -> Response:
    """End a browser's session."""
    await call.engine.sessions.revoke(str(call.request.path_params["session"]), call.actor)
    return Response(status_code=204)


def _check_dashboard(call: Call) -> None:
    if not call.engine.settings.has_dashboard:
        raise DashboardOff(
            "this server has no dashboard", why="it is switched off in its settings",
            next='set `dashboard = "on"` in /etc/pvdify/pvdifyd.toml and restart pvdifyd',
        )  # fmt: skip


def _name(call: Call) -> str:
    return str(call.request.path_params["user"])
