"""Tokens and logins to registries."""

from typing import Any
from urllib.parse import unquote

from tests.fakes.api_parts.request import AT, Asked, Refused


class Access:
    """Tokens and logins to registries."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[dict[str, Any]] = []
        self.registries: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.sessions: list[dict[str, Any]] = []

    def create_token(self, asked: Asked) -> dict[str, Any]:
        known = {"id": f"t{len(self.tokens) + 1}", "created_at": AT, "app": asked.body.get("app")}
        known |= {"name": asked.body["name"], "role": asked.body["role"]}
        known["expires_at"] = "2027-02-21T11:31:02Z" if "expires_in" in asked.body else None
        self.tokens.append(known | {"created_by": "admin", "last_used_at": None})
        return known | {"token": "pvd_secret"}

    def revoke_token(self, asked: Asked, token_id: str) -> None:
        if all(token["id"] != token_id for token in self.tokens):
            raise Refused(404, "token-not-found", f"no token has the id {token_id}", next="pvdify tokens")
        self.tokens = [token for token in self.tokens if token["id"] != token_id]

    def invite(self, asked: Asked) -> dict[str, Any]:
        name, again = asked.body["name"], asked.body.get("again", False)
        if (name in self.users) is not again:
            raise Refused(409, "user-exists", f"there is a user {name} already", next="pvdify users")
        known = {"id": f"u{len(self.users) + 1}", "name": name, "role": asked.body.get("role", "read"),
                 "app": asked.body.get("app"), "email": asked.body.get("email", ""),
                 "github": asked.body.get("github", ""), "is_invited": True, "created_at": AT, "created_by": "admin",
                 "last_seen_at": None}  # fmt: skip
        user = self.users.setdefault(name, known)
        return {"user": user, "path": "/invitation/s3cret", "url": "http://127.0.0.1:9443/invitation/s3cret",
                "expires_at": "2026-11-30T11:31:02Z"}  # fmt: skip

    def set_role(self, asked: Asked, name: str) -> dict[str, Any]:
        user = self._user(name)
        user.update({"role": asked.body["role"], "app": asked.body.get("app")})
        return user

    def remove_user(self, asked: Asked, name: str) -> None:
        del self.users[self._user(name)["name"]]

    def end_session(self, asked: Asked, id: str) -> None:
        if all(session["id"] != id for session in self.sessions):
            raise Refused(404, "session-not-found", f"there is no session {id}", next="pvdify sessions")
        self.sessions = [session for session in self.sessions if session["id"] != id]

    def end_sessions(self, asked: Asked, name: str) -> None:
        user = self._user(name)["name"]
        self.sessions = [session for session in self.sessions if session["name"] != user]

    def _user(self, quoted: str) -> dict[str, Any]:
        if unquote(quoted) not in self.users:
            raise Refused(404, "user-not-found", f"there is no user {unquote(quoted)}", next="pvdify users")
        return self.users[unquote(quoted)]

    def log_in_to_registry(self, asked: Asked, quoted: str) -> dict[str, Any]:
        host = unquote(quoted)
        known = {"host": host, "username": asked.body["username"], "app": asked.body.get("app"),
                 "created_at": AT, "created_by": "admin"}  # fmt: skip
        self.registries[host] = known
        return known

    def log_out_of_registry(self, asked: Asked, quoted: str) -> None:
        host = unquote(quoted)
        if self.registries.pop(host, None) is None:
            raise Refused(404, "registry-not-found", f"this server is not signed in to {host}", next="pvdify registry")
