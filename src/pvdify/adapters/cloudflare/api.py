"""Client of Cloudflare's API: it limits the rate, retries where that is safe, and raises pvdify's errors."""

import json
import random
from functools import partial
from typing import Any

from pvdify.adapters.cloudflare.requests import Ask
from pvdify.errors import EdgeRefused, ServiceUnavailable
from pvdify.model.foreign_json import parse_json
from pvdify.model.instance import Secret
from pvdify.plumbing.web import Web, WebAnswer, WebRequest, understand
from pvdify.ports.clock import Clock

URL = "https://api.cloudflare.com/client/v4"
TRIES = 3
FIRST_PAUSE = 0.5  # seconds before the second try, at most; four times as long before the third
BURST, PER_SECOND = 200, 3.5  # requests; Cloudflare accepts 1,200 in five minutes from all programs of a user
LONGEST_WAIT = 30.0  # seconds; if Cloudflare asks for a longer wait before a retry, the request fails
TOKENS_PAGE = "https://dash.cloudflare.com/profile/api-tokens"


class RecordExists(Exception):
    """A DNS record with this name already exists."""


class ResourceMissing(Exception):
    """The requested zone, tunnel or record does not exist."""


class Declined(Exception):
    """Cloudflare refused this request; ``error`` says why. A missing permission raises EdgeRefused instead."""

    def __init__(self, error: EdgeRefused) -> None:
        super().__init__(error.what)
        self.error = error


class CloudflareApi:
    """A client of the API, with one rate limit for all tokens."""

    def __init__(self, web: Web, clock: Clock, url: str = URL, chance: random.Random | None = None) -> None:
        self._web = web
        self._clock = clock
        self._url = url
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, not for security
        self._left = float(BURST)
        self._counted_at = clock.monotonic()

    async def ask(self, ask: Ask, token: Secret) -> Any:
        """Return the answer's ``result``.

        Raises ServiceUnavailable, EdgeRefused, Declined, RecordExists, ResourceMissing.
        """
        return (await self._ask(ask, token)).get("result")

    async def pages(self, first: Ask, token: Secret, size: int) -> list[Any]:
        """Return the results of all pages of a list. Raises what ``ask`` raises.

        ``first`` requests the first page; ``size`` is the number of results per page that it requests.
        """
        found: list[Any] = []
        page = 1
        while True:
            query = {**first.query, "page": str(page)}
            ask = Ask(method=first.method, path=first.path, query=query,
                        permission=first.permission, about=first.about)  # fmt: skip
            results = (await self._ask(ask, token)).get("result") or []
            found += results
            if len(results) < size:
                return found
            page += 1

    async def _ask(self, ask: Ask, token: Secret) -> dict[str, Any]:
        for left in range(TRIES - 1, -1, -1):
            await self._pace()
            try:
                answer = await self._web.ask(self._request(ask, token))
                return await understand(answer, partial(_understood, ask, answer))
            except _Retryable as later:
                if not left or not (ask.is_repeatable or later.is_untouched) or later.wait > LONGEST_WAIT:
                    raise _unavailable(ask, later.why) from None
                pause = FIRST_PAUSE * 4.0 ** (TRIES - 1 - left)
                await self._clock.sleep(max(later.wait, self._chance.uniform(pause / 2, pause)))
            except ServiceUnavailable as error:
                if not left or not ask.is_repeatable:
                    raise _unavailable(ask, error.why) from error
                pause = FIRST_PAUSE * 4.0 ** (TRIES - 1 - left)
                await self._clock.sleep(self._chance.uniform(pause / 2, pause))
        raise AssertionError("the last try returns or raises")

    def _request(self, ask: Ask, token: Secret) -> WebRequest:
        return WebRequest(
            method=ask.method,
            url=self._url + ask.target,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            content=b"" if ask.body is None else json.dumps(ask.body).encode(),
        )

    async def _pace(self) -> None:
        """Wait until the rate limit allows one more request."""
        now = self._clock.monotonic()
        self._left = min(float(BURST), self._left + (now - self._counted_at) * PER_SECOND)
        self._counted_at = now
        if self._left < 1:
            await self._clock.sleep((1 - self._left) / PER_SECOND)
        self._left -= 1


class _Retryable(Exception):
    """A failure that a later try may not meet.

    ``wait``: seconds to wait before the next try, at least. ``is_untouched``: Cloudflare did not carry out the request.
    """

    def __init__(self, why: str, *, wait: float = 0.0, is_untouched: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.wait = wait
        self.is_untouched = is_untouched


_EXISTS_CODES = {81053, 81054, 81056, 81057, 81058}


def _understood(ask: Ask, answer: WebAnswer) -> dict[str, Any]:
    """Return the answer's envelope if it reports success.

    Raises _Retryable, RecordExists, ResourceMissing, EdgeRefused, Declined.
    """
    if answer.status == 429:
        after = answer.headers.get("retry-after", "")
        raise _Retryable(
            "too many requests", wait=float(after) if after.isdecimal() and len(after) < 6 else 5.0, is_untouched=True
        )
    if answer.status >= 500:
        raise _Retryable(f"it answered {answer.status}")
    try:
        envelope = parse_json(answer.content)
        errors = [(int(it.get("code", 0)), str(it.get("message", ""))) for it in envelope.get("errors") or []]
    except (ValueError, AttributeError, TypeError) as error:
        raise _Retryable(f"it answered {answer.status} with a body that is not JSON") from error
    if answer.status < 300 and envelope.get("success"):
        return dict(envelope)
    if {code for code, _ in errors} & _EXISTS_CODES:
        raise RecordExists
    if answer.status == 404:
        raise ResourceMissing
    raise _refused(ask, answer.status, errors)


def _refused(ask: Ask, status: int, errors: list[tuple[int, str]]) -> EdgeRefused | Declined:
    said = "; ".join(f"{message} ({code})" for code, message in errors) or f"status {status}"
    verb = "read" if ask.method == "GET" else "change"
    if status in (401, 403) or any(code in (9109, 10000, 10001) for code, _ in errors):
        is_token = status == 401 or any(code in (1000, 6003, 6111, 9109) for code, _ in errors)
        return EdgeRefused(
            f"Cloudflare does not allow pvdify to {verb} {ask.about}",
            why=f"{'the API token is not valid, or' if is_token else 'the API token'} lacks the permission "
            f"{ask.permission}: {said}",
            next=f"add the permission to the token at {TOKENS_PAGE}, for this account and zone, then run "
            "`pvdify server edge cloudflare` again",
        )
    error = EdgeRefused(
        f"Cloudflare did not {verb} {ask.about}",
        why=said,
        next="`pvdify server edge` shows the state of the edge; pvdifyd retries by itself",
    )
    return Declined(error)


def _unavailable(ask: Ask, why: str) -> ServiceUnavailable:
    return ServiceUnavailable(
        f"Cloudflare's API does not answer ({ask.method} {ask.about})",
        why=why,
        next="visitors are still served, and pvdifyd retries by itself; `pvdify server edge` shows the edge's state",
    )
