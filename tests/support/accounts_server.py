"""A server where people have accounts: an OpenID provider, and GitHub's OAuth and API, over real HTTP on loopback.

Every browser that is sent there agrees at once. A test can change what the server signs or answers.
"""

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.issuer import rsa_key

CLIENT, SECRET = "pvdify", "s3cret / with:odd characters"


@dataclass
class Person:
    """The account of the browser that signs in."""

    subject: str = "7"
    login: str = "ada"
    name: str = "Ada Lovelace"
    email: str = "ada@example.com"
    is_verified: bool = True


@dataclass
class AccountsServer:
    """Use as a context manager. ``claims`` and ``header`` replace what the ID token says."""

    person: Person = field(default_factory=Person)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    key: RSAKey | ECKey = field(default_factory=lambda: rsa_key("accounts"))
    published: list[RSAKey | ECKey] = field(default_factory=list)
    has_email_in_token: bool = True
    info: dict[str, Any] = field(default_factory=dict)
    is_down: bool = False
    asked: list[str] = field(default_factory=list)
    url: str = ""
    issuer_end: str = ""  # "/" as some providers have it
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)

    @property
    def issuer(self) -> str:
        return self.url + self.issuer_end

    def __enter__(self) -> "AccountsServer":
        self.published = self.published or [self.key]
        handler = type("Handler", (_Handler,), {"accounts": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def agree(self, query: dict[str, str]) -> str:
        """Return the address to which the browser is redirected with its code."""
        code = f"code{len(self._codes)}"
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def exchange(self, form: dict[str, str], credentials: tuple[str, str]) -> dict[str, str] | None:
        """The query that a code stands for, once, for the client that began it and knows the verifier."""
        begun = self._codes.pop(form.get("code", ""), None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        is_good = begun is not None and (
            credentials == (CLIENT, SECRET)
            and begun["client_id"] == CLIENT
            and form.get("redirect_uri") == begun["redirect_uri"]
            and digest.rstrip(b"=").decode() == begun["code_challenge"]
            and begun["code_challenge_method"] == "S256"
        )
        return begun if is_good else None

    def id_token(self, nonce: str) -> str:
        now, person = int(time.time()), self.person
        claims: dict[str, Any] = {
            "iss": self.issuer, "sub": person.subject, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce,
        }  # fmt: skip
        claims |= self.profile if self.has_email_in_token else {}
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        algorithm = "ES256" if isinstance(self.key, ECKey) else "RS256"
        header = {"alg": algorithm, "kid": self.key.kid} | self.header
        return jwt.encode(header, claims, self.key, algorithms=[header["alg"]])

    @property
    def profile(self) -> dict[str, Any]:
        return {"email": self.person.email, "email_verified": self.person.is_verified, "name": self.person.name}

    def access_token(self) -> str:
        token = f"token{len(self._tokens)}"
        self._tokens.add(token)
        return token

    def is_token(self, text: str) -> bool:
        return text.removeprefix("Bearer ") in self._tokens

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token", "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
        }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    accounts: AccountsServer

    def do_GET(self) -> None:
        url, accounts = urlsplit(self.path), self.accounts
        accounts.asked.append(url.path)
        if accounts.is_down:
            self._answer(503, {})
        elif url.path in ("/authorize", "/login/oauth/authorize"):
            self.send_response(302)
            self.send_header("Location", accounts.agree(dict(parse_qsl(url.query))))
            self.end_headers()
        elif url.path == "/.well-known/openid-configuration":
            self._answer(200, accounts.description())
        elif url.path == "/jwks":
            self._answer(200, {"keys": [key.as_dict(private=False) for key in accounts.published]})
        elif not accounts.is_token(self.headers.get("Authorization", "")):
            self._answer(401, {"message": "Requires authentication"})
        else:
            self._answer(200, self._about_person(url.path))

    def _about_person(self, path: str) -> Any:
        person = self.accounts.person
        if path == "/user":
            return {"id": int(person.subject), "login": person.login, "name": person.name, "email": None}
        if path == "/user/emails":
            return [{"email": person.email, "verified": person.is_verified, "primary": True},
                    {"email": "old@example.com", "verified": False, "primary": False}]  # fmt: skip
        return {"sub": person.subject} | self.accounts.profile | self.accounts.info

    def do_POST(self) -> None:
        accounts, form = self.accounts, dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
        accounts.asked.append(self.path)
        if accounts.is_down:
            self._answer(503, {})
            return
        is_github = self.path == "/login/oauth/access_token"
        begun = accounts.exchange(form, self._credentials(form))
        if begun is None:
            self._answer(
                200 if is_github else 400, {"error": "bad_verification_code" if is_github else "invalid_grant"}
            )
            return
        answer = {"access_token": accounts.access_token(), "token_type": "bearer"}
        self._answer(200, answer if is_github else answer | {"id_token": accounts.id_token(begun["nonce"])})

    def _credentials(self, form: dict[str, str]) -> tuple[str, str]:
        header = self.headers.get("Authorization", "").removeprefix("Basic ")
        if not header:
            return form.get("client_id", ""), form.get("client_secret", "")
        name, _, secret = base64.b64decode(header).decode().partition(":")
        return dict(parse_qsl(f"n={name}"))["n"], dict(parse_qsl(f"s={secret}"))["s"]

    def _answer(self, status: int, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is printed."""
