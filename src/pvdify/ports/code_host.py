"""The code host: the state of pull requests and repositories, and its webhooks."""

from typing import Protocol

from pvdify.model.link import Repository
from pvdify.model.preview import PullRequestState
from pvdify.model.webhook import PullRequestNews


class CodeHost(Protocol):
    """The code host's API, and the reader of its webhooks."""

    @property
    def is_askable(self) -> bool:
        """Whether the server has a token for the API. Without a token previews end with their lease."""
        ...

    async def pull_request(self, repository: str, number: int) -> PullRequestState | None:
        """Return the pull request's current state; None if it is unknown, or not visible with this token.

        Raises CodeHostUnavailable: the code host did not answer; try again later.
        """
        ...

    async def repository(self, name: str) -> Repository | None:
        """Return the repository that currently has the name ``owner/name``; None if not visible. Needs no token.

        Raises CodeHostUnavailable.
        """
        ...

    async def news(self, event: str, content: bytes) -> PullRequestNews | None:
        """Return the news in a webhook; None if pvdify does not use this kind. Raises MalformedRequest."""
        ...
