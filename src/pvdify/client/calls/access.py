"""Requests about tokens, and about the server's logins to registries."""

from urllib.parse import quote

from pvdify.client.calls.asking import Asking
from pvdify.client.encode import request_body
from pvdify.client.session import Question
from pvdify.wire.answers import NewToken, Registry, Token
from pvdify.wire.requests import CreateToken, LogInToRegistry


class AccessCalls(Asking):
    """Requests about tokens and logins to registries."""

    def tokens(self) -> list[Token]:
        """List all tokens, without their secrets."""
        return self._list(Token, "tokens", Question(path="/tokens"))

    def create_token(self, wanted: CreateToken) -> NewToken:
        """Create a token. Only this answer contains its secret."""
        lost = f'a token "{wanted.name}" may or may not have been made'
        check = "`pvdify tokens` shows whether it was; then `pvdify tokens:revoke ID`, and create another"
        body = request_body(wanted)
        return self._session.ask_for(
            NewToken, Question(method="POST", path="/tokens", body=body, lost=lost, check=check)
        )

    def revoke_token(self, token_id: str) -> None:
        """Revoke a token, at once."""
        lost, check = f"the token {token_id} may or may not be revoked", "`pvdify tokens` shows it"
        path = f"/tokens/{quote(token_id, safe='')}"
        self._session.ask(Question(method="DELETE", path=path, lost=lost, check=check))

    def registries(self) -> list[Registry]:
        """List the registries that the server is logged in to."""
        return self._list(Registry, "registries", Question(path="/registries"))

    def log_in_to_registry(self, host: str, login: LogInToRegistry) -> Registry:
        """Store the server's login to a registry. Repeating the call is harmless."""
        return self._session.ask_for(Registry, Question(method="PUT", path=_registry(host), body=request_body(login)))

    def log_out_of_registry(self, host: str, app: str | None = None) -> None:
        """Delete the server's login to a registry; with ``app``, the login used for this app only."""
        lost, check = f"the server may or may not be signed out of {host}", "`pvdify registry` shows it"
        query = {"app": app} if app else {}
        self._session.ask(Question(method="DELETE", path=_registry(host), query=query, lost=lost, check=check))


def _registry(host: str) -> str:
    return f"/registries/{quote(host, safe='')}"
