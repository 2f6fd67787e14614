"""Parsing of GitHub's webhooks. No I/O."""

from typing import Any

from pvdify.adapters.github.pull_requests import sign_of
from pvdify.errors import MalformedRequest
from pvdify.model.foreign_json import parse_json
from pvdify.model.webhook import PullRequestNews

PULL_REQUEST = "pull_request"


def news_of(event: str, content: bytes) -> PullRequestNews | None:
    """Return the news in a ``pull_request`` event, None for every other event.

    All actions are treated alike, because each contains whether the pull request is open, and when it last changed.
    Raises MalformedRequest if the content is not as GitHub sends it.
    """
    body = _object(content)
    if event != PULL_REQUEST:
        return None
    try:
        return PullRequestNews(
            repository=str(body["repository"]["full_name"]),
            number=int(body["number"]),
            sign=sign_of(body["pull_request"], None),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedRequest(
            "this webhook is not a pull_request event of GitHub",
            why=f"{type(error).__name__}: {error}",
            next="compare the request with the webhook's Recent Deliveries at GitHub",
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
