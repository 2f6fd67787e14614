"""Moments in a query: ``since=10m`` or ``since=2026-11-25T08:00``."""

from datetime import UTC, datetime, timedelta

from pvdify.api.call import Call
from pvdify.errors import InvalidError
from pvdify.manifest.quantities import parse_seconds


def since(call: Call) -> datetime | None:
    """Return the time of the query's ``since`` in UTC: a timestamp or an age like 10m; or None. Raises InvalidError."""
    text = call.request.query_params.get("since", "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_seconds(text))
    except (ValueError, OverflowError) as error:
        raise InvalidError(
            f'the query parameter since is "{text[:40]}"', why="expected 90s, 10m, 2h, or a moment in ISO 8601",
            next="correct since",
        ) from error  # fmt: skip
