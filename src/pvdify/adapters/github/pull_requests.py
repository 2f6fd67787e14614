"""Parsing of pull requests, which GitHub writes alike in answers and in events. No I/O."""

from datetime import datetime
from typing import Any

from pvdify.model.preview import PullRequestState


def sign_of(pull_request: Any, now: datetime | None) -> PullRequestState:
    """Return the state in a pull request's JSON. Raises KeyError, TypeError or ValueError if it is not a pull request.

    ``now``: the time of the answer by GitHub's clock; None for an event, which may be old.
    """
    state, closed_at = pull_request["state"], pull_request["closed_at"]
    if state not in ("open", "closed"):
        raise ValueError(f"state {state!r}")
    closed_for = (now - _moment(closed_at)).total_seconds() if now and closed_at else 0.0
    return PullRequestState(
        is_open=state == "open",
        as_of=_moment(pull_request["updated_at"]),
        closed_for=max(0.0, closed_for),
        is_answer=now is not None,
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment
