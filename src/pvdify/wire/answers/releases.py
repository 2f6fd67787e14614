"""Response types about releases."""

from dataclasses import dataclass, field
from datetime import datetime

from pvdify.wire.answers.problem import Failure
from pvdify.wire.differences import Difference


@dataclass(frozen=True, kw_only=True)
class Requests:
    """The app's requests during a switch, as counted by the router.

    ``served``: all requests to the old or the new release, from the switch until the old release had drained.
    ``failed``: 5xx that the router sent because no instance answered. ``app_errors``: 5xx from the app itself. ``cut``:
    incomplete answers, and requests still in flight when ``drain`` was over. ``is_final``: the old release has
    drained, or serves again after a rollback.
    """

    served: int
    failed: int
    app_errors: int
    cut: int
    is_final: bool


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The measurements of a switch. ``steps``: milliseconds per step, in order; ``seconds``: their sum.

    ``held``: for how many seconds requests waited because the live release stopped first; ``downtime``: for how many
    seconds they were refused after that. Null if there was no such time.
    """

    requests: Requests | None
    steps: dict[str, float]
    seconds: float
    held: float | None = None
    downtime: float | None = None


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release. ``status``: ``pending deploying active superseded failed canceled``.

    ``previous``: the release that was live before, which a rollback without a number repeats.
    """

    app: str
    version: int
    image: str
    digest: str | None
    config_version: int
    status: str
    created_at: datetime
    created_by: str
    description: str
    commit: str | None
    branch: str | None
    run_number: int | None
    failure: Failure | None
    receipt: Receipt | None
    url: str | None
    can_roll_back: bool
    previous: int | None = None


@dataclass(frozen=True, kw_only=True)
class RollbackPlan:
    """GET /apps/{app}/rollback: what a rollback would do.

    ``current``: the live release; ``target``: the release to repeat; ``is_warm``: the target's instances still run, so
    that the rollback is only a switch; ``changes``: how the target differs from the live release.
    ``volumes``: the names of the volumes of either release, which a rollback leaves as they are.
    """

    current: Release | None
    target: Release
    is_warm: bool
    changes: list[Difference] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """An entry of a deploy log. ``kind``: ``step-started step-done step-failed output note``."""

    at: datetime
    kind: str
    step: str
    text: str
    seconds: float | None
