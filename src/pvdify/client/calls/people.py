"""Questions about the people who use the dashboard, and their browsers."""

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
    """Users, sessions, and links that sign browsers in."""

    def sign_in_link(self) -> SignInLink:
        """A link that signs one browser in, once."""
        return self._reachable(self._session.ask_for(SignInLink, Question(method="POST", path="/sign-in-links")))

    def users(self) -> list[User]:
        """The people who may use the dashboard."""
        return self._list(User, "users", Question(path="/users"))

    def invite_user(self, wanted: InviteUser) -> InvitedUser:
        """A new user; the link is in this answer and nowhere else."""
        lost = f"{wanted.name} may or may not be invited"
        look = f"`pvdify users` shows it; then `pvdify users:invite '{wanted.name}' --again`"
        question = Question(method="POST", path="/users", body=request_body(wanted), lost=lost, look=look)
        return self._reachable(self._session.ask_for(InvitedUser, question))

    def set_user_role(self, name: str, wanted: SetUserRole) -> User:
        """Change what a user may do; asking twice is as good as once."""
        return self._session.ask_for(User, Question(method="PATCH", path=_user(name), body=request_body(wanted)))

    def remove_user(self, name: str) -> None:
        """Remove a user."""
        lost, look = f"{name} may or may not be removed", "`pvdify users` shows it"
        self._session.ask(Question(method="DELETE", path=_user(name), lost=lost, look=look))

    def sign_user_out(self, name: str) -> None:
        """End all sessions of a user; asking twice is as good as once."""
        self._session.ask(Question(method="DELETE", path=f"{_user(name)}/sessions"))

    def sessions(self) -> list[Session]:
        """The browsers that are signed in."""
        return self._list(Session, "sessions", Question(path="/sessions"))

    def revoke_session(self, session_id: str) -> None:
        """Sign a browser out."""
        lost, look = f"the session {session_id} may or may not have ended", "`pvdify sessions` shows it"
        path = f"/sessions/{quote(session_id, safe='')}"
        self._session.ask(Question(method="DELETE", path=path, lost=lost, look=look))

    def _reachable(self, link: LinkT) -> LinkT:
        """The link at the address that was asked; over a socket, or below a path, the server knows better."""
        endpoint = self._session.target.endpoint
        return link if endpoint.scheme == "unix" or endpoint.path else replace(link, url=f"{endpoint.url}{link.path}")


def _user(name: str) -> str:
    return f"/users/{quote(name, safe='')}"
