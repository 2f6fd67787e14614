"""Types for the differences between two releases."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One difference. ``part``: ``image config manifest``; ``change``: ``added removed changed``.

    ``name``: ``reference`` or ``digest``, a config var, or a path in the manifest like ``processes.web.count``.
    ``before`` and ``after``: values in the manifest, None for the default; always None for config vars.
    """

    part: str
    name: str
    change: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReleaseDiff:
    """GET /apps/{app}/releases/{a}/diff?to={b}: how release b differs from release a.

    ``to`` defaults to the live release.
    """

    app: str
    before: int
    after: int
    changes: list[Difference]
