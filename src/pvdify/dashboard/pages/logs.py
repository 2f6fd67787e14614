"""The *Logs* page: the output of instances and the router's requests, with filters. Each line has its own link."""

import shlex
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from pvdify.dashboard.batches import batched
from pvdify.dashboard.call import Call
from pvdify.dashboard.rendering import render
from pvdify.dashboard.views.log_lines import Line, LineFilter, Lines
from pvdify.engine.reading.runtime_logs import Writer
from pvdify.model.visit import Visit
from pvdify.web.answers import ServerSentEvent, event_stream
from pvdify.web.log_position import INSTANT, Mark, Position

SHOWN, MOST_SHOWN = 200, 2000
SEARCHED = 20_000  # lines that a filter reads
AROUND = timedelta(seconds=30)  # lines this long before the linked line are shown too, and at most ``MOST_AROUND``
MOST_AROUND = 200  # lines before a linked line, and from it on
SEARCHED_FOR_LINK = 200_000  # lines that are read to find a linked line
_SPANS = {"15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800}


async def show_logs(call: Call) -> Response:
    """Show the last lines that match the filter, or the lines around the line of a link."""
    at, wanted, release = _moment(call.query("at")), _wanted(call), call.number("release", 0, 10**9) or None
    if at:
        shown, follow = await _around(call, at, release), None
    else:
        shown, position = await _lines(call, wanted, release)
        follow = urlencode({**_filters(call), "from": position.id})
    writers = await call.engine.queries.runtime_logs.writers(call.app, None, release)
    names = sorted({writer.process for writer in writers.values()})
    errors = urlencode({name: value for name, value in {**_filters(call), "level": "error"}.items() if value})
    return call.app_page(
        "logs.html", "Logs", lines=shown, query=_filters(call), processes=names, at=at, follow=follow,
        errors=errors, command=_command(call, release), spans=tuple(_SPANS), shown=SHOWN,
    )  # fmt: skip


async def stream_logs(call: Call) -> Response:
    """Stream new lines that match the filter. A reconnected stream continues after the last line that was sent."""
    seen = Position.of(call.request.headers.get("last-event-id") or call.query("from"))
    release = call.number("release", 0, 10**9) or None
    await call.engine.queries.runtime_logs.writers(call.app, call.query("process") or None, release)
    return event_stream(_follow(call, seen or Position(floor=datetime.now(UTC)), release))


async def show_router_log(call: Call) -> Response:
    """Show the finished requests in the router's log, filtered by status and path."""
    await call.engine.queries.app(call.app)
    visits = await call.engine.observations.visits(call.app, SEARCHED // 4)
    found = [visit for visit in visits if _matches(call, visit)]
    return call.app_page(
        "router_log.html", "Logs", visits=found[-SHOWN:][::-1], count=len(found), wanted=call.query("status"),
        path=call.query("path"),
    )  # fmt: skip


async def _lines(call: Call, wanted: LineFilter, release: int | None) -> tuple[list[Line], Position]:
    """Return the last lines that match the filter, and the position after them."""
    logs, most = call.engine.queries.runtime_logs, call.number("lines", SHOWN, MOST_SHOWN)
    writers = await logs.writers(call.app, call.query("process") or None, release)
    found: deque[Line] = deque(maxlen=most)
    lines, position, count = Lines(wanted), Position(floor=datetime.now(UTC)), 0
    searched = SEARCHED if wanted.text or wanted.level else most
    async with aclosing(logs.read(writers, searched, _since(call))) as batches:
        async for batch in batches:
            for line in batch:
                if not count:
                    position = Position(floor=line.at - INSTANT)
                count += 1
                position.move(writers[line.instance], line.at)
                if shown := lines.shown(line, writers[line.instance]):
                    found.append(shown)
    return list(found), position


async def _around(call: Call, at: datetime, release: int | None) -> list[Line]:
    """Return the lines of all processes around this moment."""
    logs = call.engine.queries.runtime_logs
    writers = await logs.writers(call.app, None, release)
    before: deque[Line] = deque(maxlen=MOST_AROUND)
    after: list[Line] = []
    lines = Lines(LineFilter())
    async with aclosing(logs.read(writers, SEARCHED_FOR_LINK, at - AROUND)) as batches:
        async for batch in batches:
            for line in batch:
                if shown := lines.shown(line, writers[line.instance]):
                    (before if line.at < at else after).append(shown)
            if len(after) >= MOST_AROUND:
                break
    return [*before, *after[:MOST_AROUND]]


async def _follow(call: Call, seen: Position, release: int | None) -> AsyncIterator[ServerSentEvent]:
    lines = Lines(_wanted(call))
    marks: dict[Writer, Mark] = {}
    new = call.engine.queries.runtime_logs.follow(call.app, call.query("process") or None, release, seen.begin)
    async for batch in batched(new):
        shown = []
        for line, writer in batch:
            marks[writer] = mark = Mark.after(marks.get(writer), line.at)
            if not seen.has(writer, mark):
                seen.move(writer, line.at)
                if selected := lines.shown(line, writer):
                    shown.append(selected)
        if shown:
            yield ServerSentEvent(data=render("parts/log_lines.html", lines=shown, path=_path(call)), id=seen.id)


def _path(call: Call) -> str:
    return f"/apps/{call.app}/logs"


def _wanted(call: Call) -> LineFilter:
    level = call.query("level")
    return LineFilter(text=call.query("text")[:200], level=level if level in ("error", "warning") else "")


def _since(call: Call) -> datetime | None:
    seconds = _SPANS.get(call.query("since"))
    return datetime.now(UTC) - timedelta(seconds=seconds) if seconds else None


def _filters(call: Call) -> dict[str, str]:
    return {name: call.query(name) for name in ("process", "release", "text", "level", "since")}


def _command(call: Call, release: int | None) -> str:
    """Return the command that follows the same lines, for a shell. It cannot filter by text or level."""
    options = {"--process": call.query("process"), "--release": release, "--since": call.query("since")}
    options["--since"] = options["--since"] if options["--since"] in _SPANS else None
    chosen = [part for name, value in options.items() if value for part in (name, str(value))]
    return shlex.join(["pvdify", "logs", call.app, *chosen, "-f"])


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo is not None and at - AROUND else None
    except (ValueError, OverflowError):
        return None


def _matches(call: Call, visit: Visit) -> bool:
    kind, path = call.query("status"), call.query("path")
    if kind and not str(visit.status).startswith(kind.removesuffix("xx")):
        return False
    return path.casefold() in visit.path.casefold()
