"""The code host: the state of pull requests, and its webhooks."""

from typing import Protocol

from pvdify.model.link import Repository
from pvdify.model.preview import PullRequestState
from pvdify.model.webhook import News


class CodeHost(Protocol):
    """Asked about pull requests, where this server has been given a token for it; and understood when it speaks."""

    @property
    def is_askable(self) -> bool:
        """Whether there is a token. Without one nothing is asked, and leases end by themselves."""
        ...

    async def pull_request(self, repository: str, number: int) -> PullRequestState | None:
        """Return its state now; None if it is unknown, or not visible with this token.

        Raises CodeHostUnavailable: no answer now, ask again later.
        """
        ...

    async def repository(self, name: str) -> Repository | None:
        """Return the repository that is ``owner/name`` now; None if it is not visible. Works without a token, too.

        Raises CodeHostUnavailable.
        """
        ...

    async def news(self, event: str, content: bytes) -> News | None:
        """Return the news in a webhook; None if it has none that pvdify uses. Raises MalformedRequest."""
        ...
