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

    def log_in_to_registry(self, asked: Asked, quoted: str) -> dict[str, Any]:
        host = unquote(quoted)
        known = {"host": host, "username": asked.body["username"], "created_at": AT, "created_by": "admin"}
        self.registries[host] = known
        return known

    def log_out_of_registry(self, asked: Asked, quoted: str) -> None:
        host = unquote(quoted)
        if self.registries.pop(host, None) is None:
            raise Refused(404, "registry-not-found", f"this server is not signed in to {host}", next="pvdify registry")
