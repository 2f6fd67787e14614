"""Releases: immutable, numbered records of what was deployed, with which config, by whom, and the result."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from pvdify.errors import GuardTripped, PvdifyError
from pvdify.manifest.definition import Manifest, Volume
from pvdify.model.volume import volumes_of


class ReleaseStatus(Enum):
    """The states of a release. At most one release of an app is ACTIVE."""

    PENDING = "pending"
    DEPLOYING = "deploying"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_settled(self) -> bool:
        """Whether its deploy has ended."""
        return self not in (ReleaseStatus.PENDING, ReleaseStatus.DEPLOYING)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error, as stored with the record that it belongs to."""

    code: str
    what: str
    why: str = ""
    next: str = ""

    @classmethod
    def of(cls, error: PvdifyError) -> "Failure":
        """Return the failure with an error's code and texts."""
        return cls(code=error.code, what=error.what, why=error.why, next=error.next)


@dataclass(frozen=True, kw_only=True)
class SwitchCount:
    """The app's requests from a release's switch until the displaced slot had drained.

    A separate record, because it is completed in the background while the release may change; see
    ``model.route.Traffic`` for the counts. ``cut``: answers that broke off, requests that ``drain`` ended, and those in
    flight when the slot stopped.
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
    """The durations of a deploy: seconds of each step in order, and in all.

    ``closed_at``: when the live release stopped taking requests to free resources, if it did; ``hold``: for how many
    seconds requests may wait then. ``held``: how many seconds they waited. ``downtime``: for how many seconds after
    that they were refused.
    """

    steps: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    closed_at: datetime | None = None
    hold: float = 0.0
    held: float | None = None
    downtime: float | None = None

    def closed(self, at: datetime, hold: float) -> "Receipt":
        """Record that the live release takes no requests from now on; self if that is recorded."""
        return self if self.closed_at else replace(self, closed_at=at, hold=hold)

    def opened(self, at: datetime) -> "Receipt":
        """Record that requests are answered again."""
        if self.closed_at is None:
            return self
        gap = (at - self.closed_at).total_seconds()
        held = min(gap, self.hold) if self.hold else None
        return replace(self, held=held, downtime=gap - (held or 0.0) if gap > self.hold else None)

    @property
    def is_open(self) -> bool:
        """Whether requests are answered."""
        return self.closed_at is None or self.held is not None or self.downtime is not None


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source of an image, as reported by its CI.

    ``run_number`` orders the deploys of one branch; ``is_older_allowed``: an older build may replace a newer one.
    """

    commit: str | None = None
    branch: str | None = None
    run_number: int | None = None
    is_older_allowed: bool = False

    def of_image_in(self, live: "Source") -> "Source":
        """Return the source of a release that deploys the image of the live one again: the image has not changed."""
        return replace(live, is_older_allowed=self.is_older_allowed) if live != Source() else self

    def is_older_than(self, other: "Source") -> bool:
        """Return whether both are from the same branch and this one was built earlier."""
        if self.branch is None or self.branch != other.branch:
            return False
        return self.run_number is not None and other.run_number is not None and self.run_number < other.run_number


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release of an app.

    ``image`` is the reference that was requested; ``digest`` and ``image_id`` are what it referred to when it was
    pulled. ``port`` is the app's port inside its container, ``image_volumes`` the ``VOLUME`` paths of the image.
    ``slot`` is where it runs or ran: the number of the release that started those instances; a rollback to a release in
    standby reuses them. ``repeats`` is the release that a rollback repeats.
    """

    app: str
    version: int
    image: str
    digest: str | None = None
    image_id: str | None = None
    port: int | None = None
    image_volumes: tuple[str, ...] = ()
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
    def volumes(self) -> dict[str, Volume]:
        """The release's volumes by name, including those that its image declares."""
        return volumes_of(self.manifest, self.image_volumes)

    @property
    def is_taken_back(self) -> bool:
        """Whether its guard rolled it back because of errors."""
        return self.failure is not None and self.failure.code == GuardTripped.code

    def must_not_replace(self, other: "Release") -> bool:
        """Return whether this is an older build of the same branch and neither a rollback nor allowed."""
        is_allowed = self.source.is_older_allowed or self.repeats is not None
        return not is_allowed and self.source.is_older_than(other.source)

    def repeated(self, *, version: int, at: datetime, by: str, why: str = "") -> "Release":
        """Return a new, pending release that repeats this one exactly: image, config version and manifest."""
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


def grace_of(release: Release | None) -> float:
    """Return the seconds between SIGTERM and SIGKILL for a release's containers; the default if there is no release."""
    return (release.manifest if release is not None else Manifest()).stop_timeout
