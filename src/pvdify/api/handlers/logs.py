"""/apps/{app}/logs."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import ServerSentEvent, event_stream, json_answer, text_answer
from pvdify.api.call import Call
from pvdify.api.log_position import INSTANT, Mark, Position
from pvdify.engine.runtime_logs import Writer
from pvdify.errors import InvalidError
from pvdify.manifest.quantities import parse_seconds
from pvdify.model.instance import LogLine
from pvdify.wire.logs import render

MOST_LINES = 100_000


async def show_logs(call: Call) -> Response:
    """Runtime logs: the last lines, or as they come; a stream that was cut goes on behind the last line seen."""
    logs, release = call.engine.queries.runtime_logs, call.number("release", None, most=10**9)
    writers = await logs.writers(call.app, call.request.query_params.get("process"), release)
    is_json = call.request.query_params.get("format") == "json"
    since = _since(call)
    seen = Position.of(call.request.headers.get("last-event-id", ""))
    if call.flag("follow") and seen is not None:
        return event_stream(_follow(call, release, [], seen, is_json=is_json))
    wanted = call.number("lines", 100 if since is None else MOST_LINES, least=0, most=MOST_LINES) or 0
    last = await logs.tail(writers, wanted, since)
    if call.flag("follow"):
        begun = Position(floor=last[0].at - INSTANT if last else since or datetime.now(UTC))
        recent = await _recent(call, writers, last, begun)
        return event_stream(_follow(call, release, recent, begun, is_json=is_json))
    lines = [translate.log_line(line, writers[line.instance]) for line in last]
    return json_answer({"lines": lines}) if is_json else text_answer("".join(f"{render(line)}\n" for line in lines))


async def _recent(
    call: Call, writers: Mapping[str, Writer], last: tuple[LogLine, ...], begun: Position
) -> list[tuple[LogLine, Writer]]:
    """These lines, and what came since. Lines of the first one's moment that were left out count as read."""
    if not last:
        return []
    together = await call.engine.queries.runtime_logs.tail(writers, MOST_LINES, begun.floor)
    first = last[0].at
    left_out = sum(line.at == first for line in together) - sum(line.at == first for line in last)
    for line in together[:left_out]:
        begun.move(writers[line.instance], line.at)
    return [(line, writers[line.instance]) for line in together[left_out:]]


async def _follow(
    call: Call, release: int | None, recent: list[tuple[LogLine, Writer]], seen: Position, *, is_json: bool
) -> AsyncIterator[ServerSentEvent]:
    """What was there, then what comes."""
    yield ServerSentEvent(name="position", id=seen.id, data="")
    for line, writer in recent:
        seen.move(writer, line.at)
        yield _event(line, writer, seen, is_json=is_json)
    told: dict[Writer, Mark] = {}
    process = call.request.query_params.get("process")
    lines = call.engine.queries.runtime_logs.follow(call.app, process, release, seen.begin)
    async for line, writer in lines:
        told[writer] = mark = Mark.after(told.get(writer), line.at)
        if not seen.has(writer, mark):
            seen.move(writer, line.at)
            yield _event(line, writer, seen, is_json=is_json)


def _event(line: LogLine, writer: Writer, seen: Position, *, is_json: bool) -> ServerSentEvent:
    shown = translate.log_line(line, writer)
    return ServerSentEvent(id=seen.id, data=to_json(shown).decode() if is_json else render(shown))


def _since(call: Call) -> datetime | None:
    """A moment, or so long ago. Raises InvalidError."""
    text = call.request.query_params.get("since", "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_seconds(text))
    except ValueError as error:
        raise InvalidError(
            f'the query parameter since is "{text[:40]}"', why="expected 90s, 10m, 2h, or a moment in ISO 8601",
            next="correct since",
        ) from error  # fmt: skip
