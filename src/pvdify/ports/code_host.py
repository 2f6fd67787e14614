"""Where the code lives, as far as pvdify asks it or hears from it: what has become of a pull request."""

from typing import Protocol

from pvdify.model.link import Repository
from pvdify.model.preview import Sign
from pvdify.model.webhook import News


class CodeHost(Protocol):
    """Asked about pull requests, where this server has been given a token for it; and understood when it speaks."""

    @property
    def is_askable(self) -> bool:
        """Whether there is a token. Without one nothing is asked, and leases end by themselves."""
        ...

    async def pull_request(self, repository: str, number: int) -> Sign | None:
        """How it is now; None where the host does not tell: unknown, or not visible with this token.

        Raises CodeHostUnavailable: no answer now, ask again later.
        """
        ...

    async def repository(self, name: str) -> Repository | None:
        """What ``owner/name`` stands for today; None where the host does not tell. Asked without a token, too.

        Raises CodeHostUnavailable.
        """
        ...

    def news(self, event: str, content: bytes) -> News | None:
        """What a webhook says; None where it is about nothing we wait for. Raises MalformedRequest."""
        ...
