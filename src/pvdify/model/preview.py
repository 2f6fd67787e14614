"""Previews: apps for one pull request each, with a lease that ends by itself.

News of the pull request renew the lease or start its last part. Without any news the lease still ends. Pure functions.
"""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pvdify.manifest.definition import Manifest, Previews, Resources


@dataclass(frozen=True, kw_only=True)
class Preview:
    """One preview, from its request until everything of it is removed.

    ``name`` is the preview's own app; ``parent`` and ``number`` are the app and pull request it belongs to.
    ``renewed_at``: the newest news of an open pull request. ``closed_at``: since when it is closed, None while it is
    open. ``ends_at``: when the preview is removed unless renewed. ``known_at``: the code host's time of the newest
    news, which identifies late news. ``asked_at``: when the code host last answered for this pull request. All times
    but ``known_at`` are of this server's clock. ``lease`` and ``close_delay`` are seconds.
    """

    name: str
    parent: str
    number: int
    repository: str | None = None
    created_at: datetime
    renewed_at: datetime
    closed_at: datetime | None = None
    ends_at: datetime
    known_at: datetime | None = None
    asked_at: datetime | None = None
    lease: float
    close_delay: float

    @property
    def is_open(self) -> bool:
        """Whether the pull request is open, as far as known."""
        return self.closed_at is None


@dataclass(frozen=True, kw_only=True)
class PullRequestState:
    """The state of a pull request, as reported by a webhook, a workflow or the code host's API.

    ``as_of``: when the code host last saw it change, in the code host's time; None: now. ``closed_for``: seconds since
    it was closed, 0 if unknown. ``is_answer``: the code host's current answer to a request.
    """

    is_open: bool
    as_of: datetime | None = None
    closed_for: float = 0.0
    is_answer: bool = False


def new_preview(
    name: str, parent: str, number: int, policy: Previews, now: datetime, repository: str | None = None
) -> Preview:
    """Return a new preview of an open pull request."""
    return Preview(
        name=name,
        parent=parent,
        number=number,
        repository=repository,
        created_at=now,
        renewed_at=now,
        ends_at=now + timedelta(seconds=policy.lease),
        lease=policy.lease,
        close_delay=policy.close_delay,
    )


def after(preview: Preview, sign: PullRequestState, now: datetime) -> Preview:
    """Return the preview after this news. News older than what is known changes nothing."""
    if _is_late(preview, sign):
        return preview
    known_at = max((moment for moment in (preview.known_at, sign.as_of) if moment), default=None)
    asked_at = now if sign.is_answer else preview.asked_at
    seen = replace(preview, known_at=known_at, asked_at=asked_at)
    if sign.is_open:
        return replace(seen, renewed_at=now, closed_at=None, ends_at=now + timedelta(seconds=preview.lease))
    if not preview.is_open and not sign.is_answer:
        return seen  # the first news of a closing counts; repetitions do not postpone the end
    closed_at = now - timedelta(seconds=max(0.0, sign.closed_for))
    return replace(seen, closed_at=closed_at, ends_at=closed_at + timedelta(seconds=preview.close_delay))


def bounded(preview: Preview, now: datetime) -> Preview:
    """Return the preview with a lease that ends within its own length, even if the clock was set back."""
    longest = preview.lease if preview.is_open else preview.close_delay
    return replace(preview, ends_at=min(preview.ends_at, now + timedelta(seconds=longest)))


def kept(preview: Preview, now: datetime) -> Preview:
    """Return the preview with at least a day left; extends its lease or close delay if necessary."""
    day = timedelta(days=1)
    if preview.ends_at >= now + day:
        return preview
    if preview.closed_at is None:
        return replace(preview, ends_at=now + day, lease=max(preview.lease, day.total_seconds()))
    # The end is computed from the closing again, whenever the code host says that the pull request is closed.
    delay = max(preview.close_delay, (now + day - preview.closed_at).total_seconds())
    return replace(preview, ends_at=now + day, close_delay=delay)


def moved(preview: Preview, by: timedelta) -> Preview:
    """Return the preview after this server's clock was set; the remaining time of the lease stays the same."""
    return replace(
        preview,
        created_at=preview.created_at + by,
        renewed_at=preview.renewed_at + by,
        closed_at=preview.closed_at + by if preview.closed_at else None,
        ends_at=preview.ends_at + by,
        asked_at=preview.asked_at + by if preview.asked_at else None,
    )


def gate_of(login: str) -> str:
    """Return the gate for this ``name:password`` (RFC 7617). Raises ValueError if it does not have this form."""
    name, colon, password = login.partition(":")
    if not (name and colon and password) or not login.isprintable():
        raise ValueError("expected name:password")
    return hashlib.sha256(b"Basic " + base64.b64encode(login.encode())).hexdigest()


def first_to_give_way(previews: tuple[Preview, ...]) -> Preview | None:
    """Return the preview to remove when a new one needs its place: the one closed longest ago; None if all are open."""
    closed = [(preview.closed_at, preview.name, preview) for preview in previews if preview.closed_at is not None]
    return min(closed)[2] if closed else None


def manifest_for_preview(manifest: Manifest, policy: Previews) -> Manifest:
    """Return a preview's manifest: the previews' limits for each instance, and no hostnames but its own."""
    processes = {
        name: process.model_copy(update={"resources": _lower_limits(manifest.limits_of(name), policy.resources)})
        for name, process in manifest.processes.items()
    }
    return manifest.model_copy(
        update={
            "processes": processes,
            "resources": _lower_limits(manifest.resources, policy.resources),
            "domains": (),
            "previews": policy,
        }
    )


def within_defaults(policy: Previews) -> Previews:
    """Return the policy limited to the defaults, for users who may not raise them."""
    usual = Previews()
    return policy.model_copy(
        update={
            "resources": _lower_limits(policy.resources, usual.resources),
            "max": min(policy.max, usual.max),
            "instances": min(policy.instances, usual.instances),
            "lease": min(policy.lease, usual.lease),
            "close_delay": min(policy.close_delay, usual.close_delay),
            "services": {},
        }
    )


def _is_late(preview: Preview, sign: PullRequestState) -> bool:
    if sign.as_of is None or preview.known_at is None:
        return False
    # Times have whole seconds, so the order of two events in one second is unknown. An open state wins then, until the
    # code host's own answer decides.
    is_doubtful = sign.as_of == preview.known_at and not sign.is_open and not sign.is_answer and preview.is_open
    return sign.as_of < preview.known_at or is_doubtful


def _lower_limits(own: Resources, limit: Resources) -> Resources:
    cpus = [cpu for cpu in (own.cpu, limit.cpu) if cpu is not None]
    return Resources(memory=min(own.memory, limit.memory), cpu=min(cpus, default=None))
