"""One request to GitHub's REST API, one answer, with a deadline; failures as our errors."""

import asyncio
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from pvdify import __version__
from pvdify.errors import CodeHostUnavailable

API_VERSION = "2022-11-28"
SECONDS = 10.0
LARGEST_ANSWER = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: any status below 500 that is not a refusal for the rate. ``headers`` ignore case."""

    status: int
    headers: Message
    content: Any


@dataclass(frozen=True, kw_only=True)
class RestApi:
    """GitHub, or a GitHub Enterprise server, at ``url``; as the owner of ``token``, or as anybody."""

    url: str
    token: str | None = field(default=None, repr=False)

    async def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Raises CodeHostUnavailable: nothing usable came back, and the same may work later."""
        return await asyncio.to_thread(self._ask, method, path, body)

    def _ask(self, method: str, path: str, body: object) -> Answer:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, content, self._headers(), method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the scheme is checked
                return Answer(status=answer.status, headers=answer.headers, content=_json(answer.read(LARGEST_ANSWER)))
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error)
        except (OSError, ValueError) as error:
            raise unavailable(self.url, str(error)) from error

    def _refused(self, error: urllib.error.HTTPError) -> Answer:
        is_for_the_rate = error.code == 429 or (
            error.code == 403 and (error.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in error.headers)
        )
        if error.code >= 500 or is_for_the_rate:
            why = "too many requests" if is_for_the_rate else f"status {error.code}"
            raise unavailable(self.url, why) from error
        try:
            content = _json(error.read(LARGEST_ANSWER))
        except (OSError, ValueError):
            content = None
        return Answer(status=error.code, headers=error.headers, content=content)

    def _headers(self) -> dict[str, str]:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": API_VERSION,
            "User-Agent": f"pvdify/{__version__}",
            "Content-Type": "application/json",
        }
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {})


def unavailable(url: str, why: str) -> CodeHostUnavailable:
    """GitHub does not answer now."""
    return CodeHostUnavailable(
        f"{url} does not answer", why=why, next="pvdifyd asks again by itself; previews stay until it knows more"
    )


def _json(content: bytes) -> Any:
    return json.loads(content) if content.strip() else None
