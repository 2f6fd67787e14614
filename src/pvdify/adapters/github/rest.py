"""Client of GitHub's REST API, with a timeout per request. Failures raise pvdify's errors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urljoin

from pvdify.errors import CodeHostUnavailable, ServiceUnavailable
from pvdify.model.foreign_json import parse_json
from pvdify.plumbing.web import Web, WebAnswer, WebRequest, understand

API_VERSION = "2022-11-28"
SECONDS = 10.0  # timeout of each request
MOVED = (301, 302, 307, 308)
MOST_MOVES = 3  # requests, with those after redirects


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer with a status below 500 that is not about the rate limit. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: Any


@dataclass(frozen=True, kw_only=True)
class RestApi:
    """GitHub or a GitHub Enterprise server at ``url``. Without ``token``, requests are anonymous."""

    web: Web
    url: str
    token: str | None = field(default=None, repr=False)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Send a request and return the answer. A GET follows redirects, which GitHub sends for renamed repositories.

        Raises CodeHostUnavailable if no usable answer came; a later try may succeed.
        """
        url, content = self.url + path, b"" if body is None else json.dumps(body).encode()
        for _ in range(MOST_MOVES):
            answer = await self._send(WebRequest(
                method=method, url=url, headers=self._headers(), content=content, timeout=SECONDS
            ))  # fmt: skip
            moved_to = urljoin(url, answer.headers.get("location", ""))
            # The token is sent to this server only, and only a GET is repeated at another address.
            if method != "GET" or answer.status not in MOVED or not moved_to.startswith(f"{self.url}/"):
                return await understand(answer, partial(self._understood, answer))
            url = moved_to
        raise unavailable(self.url, f"it answered {MOST_MOVES} requests with redirects")

    async def _send(self, request: WebRequest) -> WebAnswer:
        try:
            return await self.web.ask(request)
        except ServiceUnavailable as error:
            raise unavailable(self.url, error.why) from error

    def _understood(self, answer: WebAnswer) -> Answer:
        is_rate_limit = answer.status == 429 or (
            answer.status == 403
            and (answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers)
        )
        if answer.status >= 500 or is_rate_limit:
            raise unavailable(self.url, "too many requests" if is_rate_limit else f"status {answer.status}")
        try:
            content = parse_json(answer.content) if answer.content.strip() else None
        except ValueError as error:
            if answer.status < 300:
                raise unavailable(self.url, str(error)) from error
            content = None
        return Answer(status=answer.status, headers=answer.headers, content=content)

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            "Content-Type": "application/json",
        }
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})


def unavailable(url: str, why: str) -> CodeHostUnavailable:
    """Return the error for a code host that gives no usable answer now."""
    return CodeHostUnavailable(
        f"{url} does not answer", why=why, next="pvdifyd retries by itself; until then, previews stay as they are"
    )
