"""A server that signs tokens for workflows, as GitHub's does: its keys, and the web client that fetches them."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from pvdify.errors import ServiceUnavailable
from pvdify.plumbing.web import WebAnswer, WebRequest

ISSUER = "https://token.actions.githubusercontent.com"
AUDIENCE = "https://example.com"


@cache
def rsa_key(name: str, bits: int = 2048) -> RSAKey:
    """One key of each name; making one takes long."""
    return RSAKey.generate_key(bits, parameters={"kid": name, "use": "sig", "alg": "RS256"})


def claims_of_a_push(now: datetime, **changed: Any) -> dict[str, Any]:
    """Return GitHub's claims of a workflow for a push to main; None removes a claim."""
    seconds = int(now.timestamp())
    claims = {
        "jti": "a4e1",
        "sub": "repo:org/shop:ref:refs/heads/main",
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": seconds,
        "nbf": seconds - 300,
        "exp": seconds + 600,
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "sha": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "repository": "org/shop",
        "repository_id": "74",
        "repository_owner": "org",
        "repository_owner_id": "65",
        "actor": "octocat",
        "event_name": "push",
        "run_id": "1001",
    }
    return {name: value for name, value in (claims | changed).items() if value is not None}


def signed(claims: Mapping[str, Any], key: RSAKey, **header: Any) -> str:
    """The token that says this, signed with this key."""
    return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": key.kid, **header}, dict(claims), key)


def encoded(content: bytes) -> str:
    """Part of a token."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


class IssuersWeb:
    """Implements ``plumbing.web.Web`` for the address of the keys."""

    def __init__(self, *keys: RSAKey) -> None:
        self.keys = list(keys)
        self.content: bytes | None = None
        self.status = 200
        self.is_down = False
        self.asked: list[str] = []

    async def ask(self, request: WebRequest) -> WebAnswer:
        self.asked.append(request.url)
        if self.is_down:
            raise ServiceUnavailable("it does not answer", why="it is down", next="wait")
        listed = {"keys": [key.as_dict(private=False) for key in self.keys]}
        return WebAnswer(status=self.status, content=self.content or json.dumps(listed).encode())
