"""The ``code_host`` port on GitHub's REST API."""

import asyncio
from datetime import datetime
from email.utils import parsedate_to_datetime

import structlog

from pvdify.adapters.github.events import news_of
from pvdify.adapters.github.pull_requests import sign_of
from pvdify.adapters.github.rest import Answer, RestApi, unavailable
from pvdify.model.foreign_json import QUICK
from pvdify.model.link import Repository
from pvdify.model.preview import PullRequestState
from pvdify.model.webhook import PullRequestNews

log = structlog.get_logger()


class GithubCodeHost:
    """Implements ``ports.code_host.CodeHost``."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    @property
    def is_askable(self) -> bool:
        return self._api.token is not None

    async def pull_request(self, repository: str, number: int) -> PullRequestState | None:
        answer = await self._api.ask("GET", f"/repos/{repository}/pulls/{number}")
        if answer.status != 200:
            log.warning("github.refused", repository=repository, pull_request=number, status=answer.status)
            return None
        try:
            return sign_of(answer.content, said_at(answer))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise unavailable(self._api.url, f"its answer is not a pull request: {error!r}") from error

    async def repository(self, name: str) -> Repository | None:
        answer = await self._api.ask("GET", f"/repos/{name}")
        if answer.status != 200:
            log.warning("github.refused", repository=name, status=answer.status)
            return None
        try:
            found = answer.content
            return Repository(name=str(found["full_name"]), id=int(found["id"]), owner_id=int(found["owner"]["id"]))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise unavailable(self._api.url, f"its answer is not a repository: {error!r}") from error

    async def news(self, event: str, content: bytes) -> PullRequestNews | None:
        if len(content) <= QUICK:
            return news_of(event, content)
        return await asyncio.to_thread(news_of, event, content)


def said_at(answer: Answer) -> datetime:
    """Return when GitHub sent the answer, by GitHub's clock. Raises KeyError or ValueError.

    Times in the answer are compared with GitHub's clock, because this server's clock may differ.
    """
    return parsedate_to_datetime(answer.headers["date"])
