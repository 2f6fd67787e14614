"""The *People* page for admins: users, invitations, roles and sessions."""

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.cookies import origin_of
from pvdify.engine.access.users import Invitation
from pvdify.errors import InvalidError
from pvdify.model.token import Role
from pvdify.model.user import User
from pvdify.web.links import INVITATION


async def show_people(call: Call) -> Response:
    """Show all users and all sessions."""
    return await _people(call)


async def invite(call: Call) -> Response:
    """Invite a user. Only this response shows the invitation's link."""
    form = call.form
    wanted = Invitation(
        name=form.get("name", ""), role=_role(call), app=form.get("app") or None, email=form.get("email", ""),
        github=form.get("github", "").strip(),
    )  # fmt: skip
    user, secret = await call.engine.users.invite(wanted, call.actor)
    return await _people(call, user, secret)


async def invite_again(call: Call) -> Response:
    """Create a new invitation for a user. Only this response shows its link."""
    user, secret = await call.engine.users.invite_again(_user(call), call.actor)
    return await _people(call, user, secret)


async def set_role(call: Call) -> Response:
    """Change the role and the app of a user."""
    user = await call.engine.users.set_role(_user(call), _role(call), call.form.get("app") or None, call.actor)
    return call.done("/people", f"{user.name} now has the role {user.role.value} for {user.app or 'all apps'}.")


async def sign_out(call: Call) -> Response:
    """End all sessions of a user."""
    user = await call.engine.users.find(_user(call))
    await call.engine.users.sign_out(user.id, call.actor)
    return call.done("/people", f"{user.name} is signed out everywhere.")


async def remove(call: Call) -> Response:
    """Remove a user and end their sessions."""
    user = await call.engine.users.find(_user(call))
    await call.engine.users.remove(user.id, call.actor)
    return call.done("/people", f"{user.name} was removed.")


async def end_session(call: Call) -> Response:
    """End any session."""
    session = await call.engine.sessions.revoke(str(call.request.path_params["session"]), call.actor)
    return call.done("/people", f"The session {session.id} of {session.name} is signed out.")


async def _people(call: Call, invited: User | None = None, secret: str = "") -> Response:
    link = f"{origin_of(call.request, call.engine.settings)}{INVITATION}/{secret}" if secret else ""
    return call.page(
        "people.html", users=await call.engine.users.list(), sessions=await call.engine.sessions.list(),
        apps=[view.app.name for view in await call.engine.queries.apps()], invited=invited, link=link,
        roles=[role.value for role in Role],
    )  # fmt: skip


def _user(call: Call) -> str:
    return str(call.request.path_params["user"])


def _role(call: Call) -> Role:
    try:
        return Role(call.form.get("role", ""))
    except ValueError as error:
        raise InvalidError("no role was chosen", why="roles are read, deploy and admin", next="choose one") from error
