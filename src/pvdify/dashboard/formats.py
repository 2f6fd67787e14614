"""Template filters that format times, sizes and rates. Pure functions, except that ``moment`` reads the clock."""

from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

from pvdify.dashboard.charts import milliseconds
from pvdify.model.status import StatusWord
from pvdify.quantities import format_bytes

UNKNOWN = "–"
# Each status has a shape, so that it is recognizable without colours.
SHAPES = {
    StatusWord.LIVE.value: "●", StatusWord.DEPLOYING.value: "◌", StatusWord.DEGRADED.value: "◐",
    StatusWord.CRASHING.value: "✕", StatusWord.DOWN.value: "▼", StatusWord.STOPPED.value: "■",
    StatusWord.MAINTENANCE.value: "▲", StatusWord.HELD.value: "‖", StatusWord.NEW.value: "○",
    "active": "●", "pending": "○", "superseded": "·", "failed": "✕", "canceled": "■",
    "ok": "●", "warning": "▲", "broken": "✕", "running": "●", "starting": "◌", "exited": "■", "missing": "▼",
    "open": "●", "closed": "■", "ending": "◌", "used": "●", "unused": "○", "trash": "■",
    "succeeded": "●", "due": "○", "interrupted": "▼", "missed": "▼", "skipped": "·", "timed-out": "✕",
    "delivered": "●", "paused": "‖", "overdue": "▲", "unproven": "▲", "stored": "●", "incomplete": "▲", "gone": "▼",
    "upgrading": "◌",
}  # fmt: skip
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def moment(at: datetime | None) -> Markup:
    """Format a time as relative, with the exact time as tooltip; None gives ``never``.

    The page's script updates the text and converts the tooltip to the reader's time zone.
    """
    if at is None:
        return Markup("never")
    utc = at.astimezone(UTC)
    return Markup(  # noqa: S704 - digits and words of ours
        f'<time datetime="{utc.isoformat(timespec="milliseconds").removesuffix("+00:00")}Z"'
        f' title="{utc:%Y-%m-%d %H:%M:%S} UTC">{relative(utc, datetime.now(UTC))}</time>'
    )


def relative(at: datetime, now: datetime) -> str:
    """Format a time relative to ``now``, like ``3 min ago``, ``in 2 h`` or ``now``."""
    seconds = (now - at).total_seconds()
    size = abs(seconds)
    if size < 1:
        return "now"
    factor, unit = next((it for it in _UNITS if size >= it[0]), (1.0, "s"))
    text = f"{int(size // factor)} {unit}"
    return f"{text} ago" if seconds > 0 else f"in {text}"


def clock(at: datetime) -> Markup:
    """Format the time of day of a log line in UTC, with milliseconds."""
    utc = at.astimezone(UTC)
    return Markup(  # noqa: S704 - digits and words of ours
        f'<time class="clock" datetime="{utc.isoformat(timespec="microseconds").removesuffix("+00:00")}Z"'
        f' title="{utc:%Y-%m-%d %H:%M:%S.%f} UTC">{utc:%H:%M:%S}.{utc.microsecond // 1000:03d}</time>'
    )


def size(count: float | None) -> str:
    """Format a number of bytes like ``41 MB``; None gives a dash."""
    return UNKNOWN if count is None else format_bytes(int(count))


def rate(per_second: float) -> str:
    """Format a number of requests per second."""
    return "0" if per_second < 0.005 else f"{per_second:.2f}" if per_second < 10 else f"{per_second:,.0f}"


def percent(share: float) -> str:
    """Format a share like ``2.5 %``; a share above 0 is never shown as ``0 %``."""
    number = 100 * share
    return (
        "0 %" if number == 0 else "<0.1 %" if number < 0.1 else f"{number:.1f} %" if number < 10 else f"{number:.0f} %"
    )


def cpus(count: float | None) -> str:
    """Format a number of CPUs like ``0.25``; None gives a dash."""
    return UNKNOWN if count is None else f"{count:.2f}"


def wait(seconds: float | None) -> str:
    """Format a response time in seconds like ``12 ms``; None (no response) gives a dash."""
    return UNKNOWN if seconds is None else milliseconds(seconds)


def duration(value: timedelta | float | None) -> str:
    """Format a duration like ``3 min``, in the largest unit that fits, rounded; None gives a dash."""
    if value is None:
        return UNKNOWN
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    factor, unit = next((it for it in _UNITS if seconds >= it[0]), (1.0, "s"))
    return f"{seconds / factor:.0f} {unit}" if seconds >= 1 else milliseconds(seconds)


def status(word: str, cause: str = "") -> Markup:
    """Format a status as a shape and a word in its colour, with its cause."""
    said, shape = escape(word), SHAPES.get(word, "○")
    shown = f'<span class="status s-{said}"><span aria-hidden="true">{shape}</span> {said}</span>'
    return Markup(f'{shown} <span class="cause">{escape(cause)}</span>' if cause else shown)  # noqa: S704 - escaped above


def short_image(reference: str | None) -> str:
    """Return the end of an image reference: the last part of its name, and the tag or the start of the digest."""
    if not reference:
        return UNKNOWN
    name = reference.rpartition("/")[2]
    base, at, digest = name.partition("@")
    return f"{base}@{digest[:19]}…" if at else name


FILTERS = {
    "moment": moment, "clock": clock, "size": size, "rate": rate, "percent": percent, "cpus": cpus, "wait": wait,
    "duration": duration, "milliseconds": milliseconds, "short_image": short_image,
}  # fmt: skip
