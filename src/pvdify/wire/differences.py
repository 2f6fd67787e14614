"""What differs between two releases."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing that differs. ``part``: ``image config manifest``; ``change``: ``added removed changed``.

    ``name``: ``reference`` or ``digest``, a config var, or a path in the manifest like ``processes.web.count``.
    ``before`` and ``after``: what the manifest says, None for its default; of config vars never.
    """

    part: str
    name: str
    change: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReleaseDiff:
    """GET /apps/{app}/releases/{a}/diff?to={b}: what b has otherwise than a. ``to``: default: what is live."""

    app: str
    before: int
    after: int
    changes: list[Difference]
