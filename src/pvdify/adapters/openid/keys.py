"""A cache of an OpenID provider's public keys."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from pvdify.adapters.openid.tokens import rsa_key
from pvdify.errors import CodeHostUnavailable, ServiceUnavailable
from pvdify.model.foreign_json import parse_json
from pvdify.model.link import refused
from pvdify.plumbing.web import Web, WebRequest
from pvdify.ports.clock import Clock

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

log = structlog.get_logger()
ALGORITHM = "RS256"
FRESH = 3600.0  # seconds after which the keys are fetched again
STALE = 24 * 3600.0  # seconds; how long fetched keys are used while fetching fails
PAUSE = 30.0  # seconds between two attempts, so that tokens with made-up key ids cause no more requests
SMALLEST_KEY, LARGEST_KEY = 2048, 8192  # bits
LONGEST_NUMBER = 1400  # characters of base64: a little more than 8192 bits
LARGEST_SET, MOST_KEYS = 256 * 1024, 50  # bytes of the document, and keys that are read


class Keys:
    """The issuer's keys by key id, cached. Providers change their keys, so an unknown key id causes a new fetch."""

    def __init__(self, issuer: str, web: Web, clock: Clock) -> None:
        self._url = f"{issuer}/.well-known/jwks"
        self._web, self._clock = web, clock
        self._keys: Mapping[str, RSAKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def get(self, name: str) -> "RSAKey":
        """Return the key with this key id.

        Raises IdentityRefused if the issuer has no such key, CodeHostUnavailable if the keys cannot be fetched.
        """
        async with self._one_at_a_time:
            age = self._age(self._fetched_at)
            if (name not in self._keys or age > FRESH) and self._age(self._tried_at) > PAUSE:
                await self._fetch(is_needed=name not in self._keys or age > STALE)
        if self._fetched_at is None or self._age(self._fetched_at) > STALE:
            raise self._unavailable("the last attempt was a moment ago")
        if name not in self._keys:
            raise refused("kid", "names no key of the issuer")
        return self._keys[name]

    def _age(self, since: float | None) -> float:
        return float("inf") if since is None else self._clock.monotonic() - since

    async def _fetch(self, *, is_needed: bool) -> None:
        self._tried_at = self._clock.monotonic()
        try:
            answer = await self._web.ask(WebRequest(method="GET", url=self._url))
            if answer.status != 200:
                raise self._unavailable(f"it answered with status {answer.status}")
            self._keys = await asyncio.to_thread(_keys_in, answer.content)  # 50 of them take 10 ms
        except (ServiceUnavailable, CodeHostUnavailable, ValueError, TypeError, AttributeError) as error:
            log.warning("openid.keys-unavailable", url=self._url, error=str(error), is_needed=is_needed)
            if is_needed:
                raise self._unavailable(getattr(error, "why", "") or str(error)) from error
            return
        self._fetched_at = self._tried_at

    def _unavailable(self, why: str) -> CodeHostUnavailable:
        return CodeHostUnavailable(
            f"the keys at {self._url} could not be fetched", why=why,
            next="try again in half a minute; a stored token (PVDIFY_TOKEN) needs no keys",
        )  # fmt: skip


def _keys_in(content: bytes) -> "dict[str, RSAKey]":
    """Return the usable RS256 keys by key id.

    Raises ValueError, TypeError or AttributeError if the content is not a key set or has no such key.
    """
    listed = parse_json(content, largest=LARGEST_SET).get("keys", ())[:MOST_KEYS]
    found = {it["kid"]: key for it in listed if isinstance(it.get("kid"), str) and (key := _key(it)) is not None}
    if not found:
        raise ValueError("there is no key for RS256 in it")
    return found


def _key(item: Mapping[str, Any]) -> "RSAKey | None":
    if item.get("kty") != "RSA" or item.get("use", "sig") != "sig" or item.get("alg", ALGORITHM) != ALGORITHM:
        return None
    try:
        public = {name: item[name] for name in ("kty", "n", "e", "kid")}
        if any(len(value) > LONGEST_NUMBER for value in public.values()):
            return None
        key = rsa_key(public)
        return key if SMALLEST_KEY <= key.public_key.key_size <= LARGEST_KEY else None
    except (ValueError, KeyError, TypeError):
        return None
