"""Moments and durations as text: relative at a terminal, exact in a file or pipe."""

from datetime import datetime, timedelta

from pvdify.cli import output
from pvdify.cli.io import Io

_SLACK = timedelta(seconds=5)  # the allowed difference between two clocks
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def moment(value: datetime | None, io: Io, *, now: datetime | None = None) -> str:
    """Return ``3 min ago`` or ``in 5 h`` at a terminal, else ``2026-11-23 11:31:02Z``; "-" for None."""
    if value is None or not io.is_stdout_terminal:
        return output.when(value)
    span = (now or datetime.now(value.tzinfo)) - value
    # Without the slack, 90 days would be shown as "89 days", because some milliseconds have passed.
    return f"in {rough((_SLACK - span).total_seconds())}" if span < -_SLACK else ago(span)


def until(value: datetime, io: Io, *, now: datetime | None = None) -> str:
    """Return ``for 6 days`` at a terminal, else ``until 2026-11-23 11:31:02Z``."""
    if not io.is_stdout_terminal:
        return f"until {output.when(value)}"
    left = value - (now or datetime.now(value.tzinfo))
    return f"for {rough(max(left + _SLACK, _SLACK).total_seconds())}"


def ago(span: timedelta) -> str:
    """Return ``just now``, ``40 s ago``, ``3 min ago``, ``5 h ago`` or ``12 days ago``.

    A moment in the future, as from a clock that is ahead, is ``just now``.
    """
    seconds = span.total_seconds()
    return "just now" if seconds < 5 else f"{rough(seconds)} ago"


def rough(seconds: float) -> str:
    """Return a duration in its largest unit: ``40 s``, ``3 min``, ``5 h``, ``1 day``, ``12 days``."""
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE:.0f} min"
    if seconds < _DAY:
        return f"{seconds // _HOUR:.0f} h"
    days = int(seconds // _DAY)
    return "1 day" if days == 1 else f"{days} days"
