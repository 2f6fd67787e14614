"""The ``code_host`` port on GitHub's REST API."""

from datetime import datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import Any

import structlog

from pvdify.adapters.github.rest import Answer, RestApi, unavailable
from pvdify.model.preview import Sign

log = structlog.get_logger()


class GithubCodeHost:
    """Implements ``ports.code_host.CodeHost``."""

    def __init__(self, api: RestApi) -> None:
        self._api = api

    @property
    def is_askable(self) -> bool:
        """See the port."""
        return self._api.token is not None

    async def pull_request(self, repository: str, number: int) -> Sign | None:
        """See the port."""
        answer = await self._api.ask("GET", f"/repos/{repository}/pulls/{number}")
        if answer.status != 200:
            log.warning("github.refused", repository=repository, pull_request=number, status=answer.status)
            return None
        try:
            return sign_of(answer.content, said_at(answer))
        except (KeyError, TypeError, ValueError) as error:
            raise unavailable(self._api.url, f"an answer that is no pull request: {error!r}") from error


def sign_of(pull_request: Any, now: datetime | None) -> Sign:
    """What a pull request's JSON says. ``now``: GitHub's own time of the answer, None for an event of some time ago.

    Raises KeyError, TypeError or ValueError where it is not a pull request.
    """
    state, closed_at = pull_request["state"], pull_request["closed_at"]
    if state not in ("open", "closed"):
        raise ValueError(f"state {state!r}")
    closed_for = (now - _moment(closed_at)).total_seconds() if now and closed_at else 0.0
    return Sign(
        is_open=state == "open",
        as_of=_moment(pull_request["updated_at"]),
        closed_for=max(0.0, closed_for),
        is_answer=now is not None,
    )


def said_at(answer: Answer) -> datetime:
    """When GitHub sent this, by its own clock: what it says of times is measured against that, not against ours.

    Raises KeyError or ValueError.
    """
    headers: Message = answer.headers
    return parsedate_to_datetime(headers["Date"])


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
