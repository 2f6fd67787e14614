"""The *Activity* page: the events of all apps, with filters and export."""

import csv
import io
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.model.action import GROUPS
from pvdify.model.event import Event, EventFilter

SHOWN, MOST, EXPORTED = 100, 500, 10_000
_SPANS = {"1h": 3600, "24h": 86400, "7d": 604800, "30d": 2592000}
_FIELDS = ("id", "at", "actor", "address", "action", "app", "release", "text")


async def show_activity(call: Call) -> Response:
    """Show the events that match the filter, newest first."""
    limit = call.number("n", SHOWN, MOST)
    found = await call.engine.queries.activity.last(_wanted(call), limit + 1)
    names = ("app", "actor", "kind", "since")
    query = {name: call.query(name) for name in names}
    return call.page(
        "activity.html", events=found[:limit], query=query, groups=sorted(GROUPS), spans=tuple(_SPANS),
        has_more=len(found) > limit and limit < MOST, address=urlencode(query), more=limit * 5,
    )  # fmt: skip


async def export_activity(call: Call) -> Response:
    """Send the events that match the filter as a file: CSV or JSON lines, at most ``EXPORTED`` events."""
    events = await call.engine.queries.activity.last(_wanted(call), EXPORTED)
    if call.query("format") == "json":
        lines = b"".join(to_json(_values(event)) + b"\n" for event in events)
        return _file(lines, "application/x-ndjson", "events.jsonl")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_FIELDS)
    writer.writerows([_cell(value) for value in _values(event).values()] for event in events)
    return _file(text.getvalue().encode(), "text/csv; charset=utf-8", "events.csv")


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, headers={"Content-Disposition": f'attachment; filename="{name}"'}, media_type=kind)


def _values(event: Event) -> dict[str, object]:
    return {name: event.at.isoformat() if name == "at" else getattr(event, name) for name in _FIELDS}


def _cell(value: object) -> object:
    """Return a value for a spreadsheet. Text that a spreadsheet would run as a formula is marked as text with `'`."""
    is_formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if is_formula else value


def _wanted(call: Call) -> EventFilter:
    seconds = _SPANS.get(call.query("since"))
    return EventFilter(
        app=call.actor.narrowed(call.query("app")), actor=call.query("actor") or None,
        kind=call.query("kind") or None,
        since=datetime.now(UTC) - timedelta(seconds=seconds) if seconds else None,
    )  # fmt: skip
