"""Requests about the users of the dashboard and their sessions."""

from dataclasses import replace
from typing import TypeVar
from urllib.parse import quote

from pvdify.client.calls.asking import Asking
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import InvitedUser, Session, SignInLink, User
from pvdify.wire.requests import InviteUser, SetUserRole

LinkT = TypeVar("LinkT", SignInLink, InvitedUser)


class PeopleCalls(Asking):
    """Requests about users, sessions, and links that sign browsers in."""

    def sign_in_link(self) -> SignInLink:
        """Create a link that signs one browser in, once."""
        return self._reachable(self._session.ask_for(SignInLink, Question(method="POST", path="/sign-in-links")))

    def users(self) -> list[User]:
        """List the users of the dashboard."""
        return self._list(User, "users", Question(path="/users"))

    def invite_user(self, wanted: InviteUser) -> InvitedUser:
        """Create a user. Only this answer contains the invitation link."""
        lost = f"{wanted.name} may or may not be invited"
        check = f"`pvdify users` shows it; then `pvdify users:invite '{wanted.name}' --again`"
        question = Question(method="POST", path="/users", body=request_body(wanted), lost=lost, check=check)
        return self._reachable(self._session.ask_for(InvitedUser, question))

    def set_user_role(self, name: str, wanted: SetUserRole) -> User:
        """Change a user's role. Repeating the call is harmless."""
        return self._session.ask_for(User, Question(method="PATCH", path=_user(name), body=request_body(wanted)))

    def remove_user(self, name: str) -> None:
        lost, check = f"{name} may or may not be removed", "`pvdify users` shows it"
        self._session.ask(Question(method="DELETE", path=_user(name), lost=lost, check=check))

    def sign_user_out(self, name: str) -> None:
        """End all sessions of a user. Repeating the call is harmless."""
        self._session.ask(Question(method="DELETE", path=f"{_user(name)}/sessions"))

    def sessions(self) -> list[Session]:
        """List the sessions of signed-in browsers."""
        return self._list(Session, "sessions", Question(path="/sessions"))

    def revoke_session(self, session_id: str) -> None:
        """End a session: its browser is signed out."""
        lost, check = f"the session {session_id} may or may not have ended", "`pvdify sessions` shows it"
        path = f"/sessions/{quote(session_id, safe='')}"
        self._session.ask(Question(method="DELETE", path=path, lost=lost, check=check))

    def _reachable(self, link: LinkT) -> LinkT:
        """Return the link with the host that this client used to reach the server.

        Over a unix socket or below a path, that address is of no use to a browser: keep the server's own URL.
        """
        endpoint = self._session.target.endpoint
        return link if endpoint.scheme == "unix" or endpoint.path else replace(link, url=f"{endpoint.url}{link.path}")


def _user(name: str) -> str:
    return f"/users/{quote(name, safe='')}"
