"""Releases: immutable, numbered; what ran, with which config, by whom, and how it went."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from pvdify.errors import GuardTripped, PvdifyError
from pvdify.manifest.definition import Manifest


class ReleaseStatus(Enum):
    """The life of a release. Only one release of an app is ACTIVE."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_settled(self) -> bool:
        """Nothing of its deploy is still to come."""
        return self not in (ReleaseStatus.PENDING, ReleaseStatus.DEPLOYING)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error as it is kept with what it happened to."""

    code: str
    what: str
    why: str = ""
    next: str = ""

    @classmethod
    def of(cls, error: PvdifyError) -> "Failure":
        """The four facts of an error."""
        return cls(code=error.code, what=error.what, why=error.why, next=error.next)


@dataclass(frozen=True, kw_only=True)
class SwitchCount:
    """Requests of the app from a release's switch until the slot it displaced had drained.

    A record of its own, because it is completed in the background while the release may change already; see
    ``model.route.Traffic`` for what is counted. ``cut``: in flight when the displaced slot was stopped.
    """

    app: str
    release: int
    served: int = 0
    router_errors: int = 0
    app_errors: int = 0
    cut: int = 0
    is_final: bool = False


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a deploy took: seconds of each step in order, and of all together.

    ``closed_at``: when visitors began to be turned away, if they were; ``downtime``: for how many seconds.
    """

    steps: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    closed_at: datetime | None = None
    downtime: float | None = None

    def closed(self, at: datetime) -> "Receipt":
        """Visitors are turned away from now on, if they were not already."""
        return self if self.closed_at else replace(self, closed_at=at)

    def opened(self, at: datetime) -> "Receipt":
        """Visitors are let in again."""
        return replace(self, downtime=(at - self.closed_at).total_seconds()) if self.closed_at else self


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an image comes from, as far as its CI said.

    ``run_number`` orders the deploys of one branch; ``is_older_allowed`` lets an older one replace a newer.
    """

    commit: str | None = None
    branch: str | None = None
    run_number: int | None = None
    is_older_allowed: bool = False

    def is_older_than(self, other: "Source") -> bool:
        """Whether both come from the same branch and this one was built earlier."""
        if self.branch is None or self.branch != other.branch:
            return False
        return self.run_number is not None and other.run_number is not None and self.run_number < other.run_number


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release of an app.

    ``image`` is the reference that was asked for; ``digest`` and ``image_id`` are what it meant when it was pulled.
    ``port`` is where the app listens inside its container. ``slot`` is where it runs or ran: the number of the
    release that started those instances, which a rollback to a release in standby takes over as they are.
    ``repeats`` is the release that a rollback repeats.
    """

    app: str
    version: int
    image: str
    digest: str | None = None
    image_id: str | None = None
    port: int | None = None
    config_version: int
    manifest: Manifest
    status: ReleaseStatus = ReleaseStatus.PENDING
    created_at: datetime
    created_by: str
    description: str
    source: Source = field(default_factory=Source)
    slot: int | None = None
    repeats: int | None = None
    was_live: bool = False
    failure: Failure | None = None
    receipt: Receipt | None = None

    @property
    def is_taken_back(self) -> bool:
        """Whether its guard found it too bad to stay live."""
        return self.failure is not None and self.failure.code == GuardTripped.code

    def must_not_replace(self, other: "Release") -> bool:
        """Whether it is an older build of the same branch; a rollback, and who insists, may go back."""
        is_allowed = self.source.is_older_allowed or self.repeats is not None
        return not is_allowed and self.source.is_older_than(other.source)

    def repeated(self, *, version: int, at: datetime, by: str, why: str = "") -> "Release":
        """A new release, not live yet, that repeats this one exactly: image, config version and manifest."""
        return replace(
            self,
            version=version,
            status=ReleaseStatus.PENDING,
            created_at=at,
            created_by=by,
            description=f"rollback to v{self.version}{why}",
            slot=None,
            repeats=self.version,
            was_live=False,
            failure=None,
            receipt=None,
        )
