"""Pull requests in memory, and a code host that may be down."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pvdify.adapters.github.events import news_of
from pvdify.errors import CodeHostUnavailable
from pvdify.model.link import Repository
from pvdify.model.preview import PullRequestState
from pvdify.model.webhook import PullRequestNews
from pvdify.ports.clock import Clock


@dataclass
class PullRequest:
    """One pull request as the host knows it."""

    is_open: bool
    updated_at: datetime
    closed_at: datetime | None = None


@dataclass(kw_only=True)
class FakeCodeHost:
    """Implements ``ports.code_host.CodeHost``.

    ``ahead`` is how far the host's clock is ahead of ours. ``is_down`` makes it answer nothing; ``asked`` counts.
    """

    clock: Clock
    is_askable: bool = True
    is_down: bool = False
    ahead: timedelta = timedelta()
    asked: int = 0
    repositories: dict[str, Repository] = field(default_factory=dict)
    pull_requests: dict[tuple[str, int], PullRequest] = field(default_factory=dict)

    def now(self) -> datetime:
        """The host's own time; it knows whole seconds only."""
        return (self.clock.now() + self.ahead).replace(microsecond=0)

    def open(self, repository: str, number: int) -> PullRequestState:
        """Open or reopen the pull request; return what a webhook reports of that."""
        self.pull_requests[repository, number] = PullRequest(is_open=True, updated_at=self.now())
        return PullRequestState(is_open=True, as_of=self.now())

    def close(self, repository: str, number: int) -> PullRequestState:
        """Close or merge the pull request; return what a webhook reports of that."""
        now = self.now()
        self.pull_requests[repository, number] = PullRequest(is_open=False, updated_at=now, closed_at=now)
        return PullRequestState(is_open=False, as_of=now)

    async def pull_request(self, repository: str, number: int) -> PullRequestState | None:
        self.asked += 1
        if self.is_down:
            raise CodeHostUnavailable("the code host does not answer", why="it is down", next="wait")
        found = self.pull_requests.get((repository, number))
        if found is None:
            return None
        closed_for = (self.now() - found.closed_at).total_seconds() if found.closed_at else 0.0
        return PullRequestState(is_open=found.is_open, as_of=found.updated_at, closed_for=closed_for, is_answer=True)

    async def repository(self, name: str) -> Repository | None:
        if self.is_down:
            raise CodeHostUnavailable("the code host does not answer", why="it is down", next="wait")
        return self.repositories.get(name.casefold())

    async def news(self, event: str, content: bytes) -> PullRequestNews | None:
        return news_of(event, content)  # pure, so the real one
