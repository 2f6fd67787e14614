"""What GitHub's webhooks say; pure."""

from typing import Any

from pvdify.adapters.github.pull_requests import sign_of
from pvdify.errors import MalformedRequest
from pvdify.model.foreign_json import parse_json
from pvdify.model.webhook import News

PULL_REQUEST = "pull_request"


def news_of(event: str, content: bytes) -> News | None:
    """What an event says about a pull request, None for every other event.

    Every action counts the same: each says whether the pull request is open, and since when that is known. Raises
    MalformedRequest: not what GitHub sends.
    """
    body = _object(content)
    if event != PULL_REQUEST:
        return None
    try:
        return News(
            repository=str(body["repository"]["full_name"]),
            number=int(body["number"]),
            sign=sign_of(body["pull_request"], None),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedRequest(
            "this webhook is not a pull_request event of GitHub",
            why=f"{type(error).__name__}: {error}",
            next="compare it under Recent Deliveries of the webhook at GitHub",
        ) from error


def _object(content: bytes) -> dict[str, Any]:
    try:
        body = parse_json(content)
    except ValueError as error:
        raise MalformedRequest(
            "this webhook's body is not JSON", why=str(error),
            next="set the webhook's content type at GitHub to application/json",
        ) from error  # fmt: skip
    if not isinstance(body, dict):
        raise MalformedRequest("this webhook's body is not a JSON object", next="send it as GitHub does")
    return body
