"""The ``sign_in_provider`` port for OpenID providers, with OpenID Connect Discovery 1.0 from the issuer's URL."""

import asyncio
import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from pvdify.adapters.openid.tokens import key_set, verify
from pvdify.errors import ServiceUnavailable
from pvdify.model.foreign_json import parse_json
from pvdify.model.sign_in import Account, Challenge, refused
from pvdify.plumbing.web import Web, WebAnswer, WebRequest, understand
from pvdify.ports.clock import Clock

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS = ["RS256", "ES256", "PS256"]
FRESH = 3600.0  # seconds; how long the provider's description and keys are cached
PAUSE = 30.0  # seconds between two fetches of the keys because of an unknown key
LEEWAY = 60  # seconds by which the provider's clock and this server's may differ
LARGEST = 256 * 1024  # bytes of one answer
LONGEST_TOKEN = 32 * 1024  # characters
LONGEST_WORD = 255  # characters of a subject, an email address or a name


class OpenidProvider:
    """A client of one OpenID provider: code flow with PKCE.

    The provider's answer is an ID token that it signed for this client and this attempt.
    """

    def __init__(self, issuer: str, client_id: str, client_secret: str, web: Web, clock: Clock) -> None:
        self._issuer, self._client_id, self._client_secret = issuer, client_id, client_secret
        self._web, self._clock = web, clock
        self._description: tuple[Mapping[str, Any], float] | None = None
        self._keys: tuple[KeySet, float] | None = None

    @property
    def title(self) -> str:
        return urlsplit(self._issuer).hostname or self._issuer

    async def address(self, challenge: Challenge) -> str:
        query = {
            "response_type": "code", "client_id": self._client_id, "redirect_uri": challenge.redirect,
            "scope": "openid email profile", "state": challenge.state, "nonce": challenge.nonce,
            "code_challenge": challenge.verifier_digest, "code_challenge_method": "S256",
        }  # fmt: skip
        base = self._endpoint(await self._described(), "authorization_endpoint")
        return f"{base}{'&' if '?' in base else '?'}{urlencode(query)}"

    async def account(self, code: str, challenge: Challenge) -> Account:
        description = await self._described()
        answer = await self._exchanged(description, code, challenge)
        claims = await self._claims(description, answer.get("id_token"))
        self._check(claims, challenge.nonce, description["issuer"])
        if "email" not in claims and description.get("userinfo_endpoint"):
            claims = {**claims, **await self._user_info(description, answer.get("access_token"), claims["sub"])}
        return _account(self._issuer, claims)

    async def _described(self) -> Mapping[str, Any]:
        now = self._clock.monotonic()
        if self._description is None or now - self._description[1] > FRESH:
            found = await self._json(
                WebRequest(method="GET", url=f"{self._issuer}/.well-known/openid-configuration")
            )  # fmt: skip
            if found.get("issuer") not in (self._issuer, f"{self._issuer}/"):  # Auth0's and authentik's end with it
                raise self._unavailable("its description is of another issuer")
            self._description = (found, now)
        return self._description[0]

    async def _exchanged(self, description: Mapping[str, Any], code: str, challenge: Challenge) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": challenge.redirect,
            "code_verifier": challenge.verifier, "client_id": self._client_id,
        }  # fmt: skip
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        methods = description.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            pair = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_secret"] = self._client_secret
        url = self._endpoint(description, "token_endpoint")
        answer = await self._web.ask(
            WebRequest(method="POST", url=url, headers=headers, content=urlencode(form).encode())
        )  # fmt: skip
        if 400 <= answer.status < 500 and answer.status != 429:
            raise refused(f"{self.title} did not accept the code (status {answer.status})")
        return self._object(answer)

    async def _claims(self, description: Mapping[str, Any], token: object) -> Mapping[str, Any]:
        if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
            raise refused("the provider sent no ID token")
        for is_last in (False, True):
            keys = await self._key_set(description, is_new=is_last)
            try:
                return verify(token, keys, ALGORITHMS)
            except ValueError as error:
                # Providers change their keys: fetch them once more, but not for each token with a made-up key id.
                is_tried = self._keys is not None and self._clock.monotonic() - self._keys[1] < PAUSE
                if is_last or is_tried:
                    raise refused("the ID token is not signed by the provider") from error
        raise AssertionError

    async def _key_set(self, description: Mapping[str, Any], *, is_new: bool) -> "KeySet":
        now = self._clock.monotonic()
        if self._keys is None or is_new or now - self._keys[1] > FRESH:
            found = await self._json(WebRequest(method="GET", url=self._endpoint(description, "jwks_uri")))
            listed = [it for it in found.get("keys", ()) if isinstance(it, dict) and it.get("use", "sig") == "sig"]
            try:
                keys = await asyncio.to_thread(key_set, [it for it in listed if it.get("kty") in ("RSA", "EC")])
            except ValueError as error:
                raise self._unavailable("its keys cannot be read") from error
            self._keys = (keys, now)
        return self._keys[0]

    def _check(self, claims: Mapping[str, Any], nonce: str, issuer: str) -> None:
        """Raise SignInRefused unless the token is from this provider, for this client and attempt, and unexpired."""
        now, audience = self._clock.now().timestamp(), claims.get("aud")
        is_list = isinstance(audience, list) and self._client_id in audience
        is_for_us = audience == self._client_id or (is_list and claims.get("azp") == self._client_id)
        if claims.get("iss") != issuer:
            raise refused("the ID token is of another issuer")
        if not is_for_us or claims.get("azp", self._client_id) != self._client_id:
            raise refused("the ID token is meant for another client")
        if claims.get("nonce") != nonce:
            raise refused("the ID token answers another attempt to sign in")
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or expires + LEEWAY <= now:
            raise refused("the ID token has expired; is the clock of this server right?")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_WORD:
            raise refused("the ID token names no account")

    async def _user_info(self, description: Mapping[str, Any], token: object, subject: str) -> Mapping[str, Any]:
        url = self._endpoint(description, "userinfo_endpoint")
        found = await self._json(WebRequest(method="GET", url=url, headers={"Authorization": f"Bearer {token}"}))
        if found.get("sub") != subject:
            raise refused("the provider's answers are about two accounts")
        return {name: found[name] for name in ("email", "email_verified", "name") if name in found}

    async def _json(self, request: WebRequest) -> Mapping[str, Any]:
        answer = await self._web.ask(request)
        return await understand(answer, lambda: self._object(answer))

    def _object(self, answer: WebAnswer) -> Mapping[str, Any]:
        if answer.status != 200:
            raise self._unavailable(f"it answered with status {answer.status}")
        try:
            value = parse_json(answer.content, largest=LARGEST)
        except ValueError as error:
            raise self._unavailable(str(error)) from error
        if not isinstance(value, dict):
            raise self._unavailable("its answer is no JSON object")
        return value

    def _endpoint(self, description: Mapping[str, Any], name: str) -> str:
        """Return an endpoint from the provider's description.

        Raises ServiceUnavailable unless its scheme is https, or its host and port are the issuer's (on loopback).
        """
        url = description.get(name)
        is_like_issuer = isinstance(url, str) and urlsplit(url).netloc == urlsplit(self._issuer).netloc
        if not isinstance(url, str) or not (url.startswith("https://") or is_like_issuer):
            raise self._unavailable(f"its description has no usable {name}")
        return url

    def _unavailable(self, why: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"{self.title} cannot sign you in now", why=why, next="`pvdify open` signs you in without it"
        )


def _account(issuer: str, claims: Mapping[str, Any]) -> Account:
    email, is_verified = claims.get("email"), claims.get("email_verified") in (True, "true")
    emails = (email.lower(),) if isinstance(email, str) and is_verified and len(email) <= LONGEST_WORD else ()
    name = claims.get("name") or claims.get("preferred_username")
    return Account(
        issuer=issuer, subject=str(claims["sub"]), name=name[:LONGEST_WORD] if isinstance(name, str) else "",
        emails=emails,
    )  # fmt: skip
