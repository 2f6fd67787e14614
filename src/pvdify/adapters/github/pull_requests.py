"""Pull requests as GitHub writes them, in answers and in events alike; pure."""

from datetime import datetime
from typing import Any

from pvdify.model.preview import PullRequestState


def sign_of(pull_request: Any, now: datetime | None) -> PullRequestState:
    """What a pull request's JSON says. ``now``: GitHub's own time of the answer, None for an event of some time ago.

    Raises KeyError, TypeError or ValueError where it is not a pull request.
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
