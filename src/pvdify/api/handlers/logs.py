"""/apps/{app}/logs."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import moments, translate
from pvdify.api.call import Call
from pvdify.engine.reading.runtime_logs import Writer
from pvdify.model.instance import LogLine
from pvdify.web.answers import ServerSentEvent, event_stream, streamed_answer
from pvdify.web.log_position import INSTANT, Mark, Position
from pvdify.wire import answers
from pvdify.wire.logs import render

MOST_LINES = 100_000
Batch = tuple[LogLine, ...]


async def show_logs(call: Call) -> Response:
    """Return the last lines of the runtime logs, or follow them; a stream resumes after the last line received."""
    logs, release = call.engine.queries.runtime_logs, call.number("release", None, most=10**9)
    process = call.request.query_params.get("process")
    is_json = call.request.query_params.get("format") == "json"
    since = moments.since(call)
    seen = Position.of(call.request.headers.get("last-event-id", ""))
    if process is not None and seen is None:  # a stream that was cut goes on, whatever was deployed meanwhile
        await logs.check_process(call.app, process, release, is_following=call.flag("follow"))
    writers = await logs.writers(call.app, process, release)
    if call.flag("follow") and seen is not None:
        return event_stream(_follow(call, release, seen, is_json=is_json))
    wanted = call.number("lines", 100 if since is None else MOST_LINES, least=0, most=MOST_LINES) or 0
    if call.flag("follow"):
        first, count = await _first(logs.read(writers, wanted, since))
        begun = Position(floor=first - INSTANT if first else since or datetime.now(UTC))
        recent = _recent(call, writers, begun, first, count)
        return event_stream(_follow(call, release, begun, recent, is_json=is_json))
    batches = logs.read(writers, wanted, since)
    begin = await anext(batches, ())  # a failure must come before the response begins
    shown = _shown(begin, batches, writers)
    return streamed_answer(_as_json(shown) if is_json else _as_text(shown), is_json=is_json)


async def _shown(
    begin: Batch, batches: AsyncGenerator[Batch, None], writers: Mapping[str, Writer]
) -> AsyncGenerator[list[answers.LogLine], None]:
    async with aclosing(batches):
        yield [translate.log_line(line, writers[line.instance]) for line in begin]
        async for batch in batches:
            yield [translate.log_line(line, writers[line.instance]) for line in batch]


async def _as_text(batches: AsyncGenerator[list[answers.LogLine], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(batches):
        async for lines in batches:
            yield "".join(f"{render(line)}\n" for line in lines).encode()


async def _as_json(batches: AsyncGenerator[list[answers.LogLine], None]) -> AsyncGenerator[bytes, None]:
    """``{"lines": [...]}``, a batch at a time."""
    before = b'{"lines":['
    async with aclosing(batches):
        async for lines in batches:
            if lines:
                yield before + b",".join(to_json(line) for line in lines)
                before = b","
    yield b"]}" if before == b"," else before + b"]}"


async def _first(batches: AsyncGenerator[Batch, None]) -> tuple[datetime | None, int]:
    """Return the first line's timestamp, or None, and the number of lines with that timestamp."""
    first, count = None, 0
    async with aclosing(batches):
        async for batch in batches:
            for line in batch:
                first = first or line.at
                count += line.at == first
    return first, count


async def _recent(
    call: Call, writers: Mapping[str, Writer], begun: Position, first: datetime | None, count: int
) -> AsyncGenerator[tuple[LogLine, Writer], None]:
    """Yield the lines since ``begun``; of those with the first timestamp the last ``count``; earlier count as read."""
    if first is None:
        return
    early: list[LogLine] = []
    is_early = True
    async with aclosing(call.engine.queries.runtime_logs.read(writers, MOST_LINES, begun.floor)) as batches:
        async for batch in batches:
            for line in batch:
                if is_early and line.at == first:
                    early.append(line)
                    continue
                if is_early:
                    is_early = False
                    for shown in _without(early, count, begun, writers):
                        yield shown, writers[shown.instance]
                yield line, writers[line.instance]
    if is_early:
        for shown in _without(early, count, begun, writers):
            yield shown, writers[shown.instance]


def _without(early: list[LogLine], count: int, begun: Position, writers: Mapping[str, Writer]) -> list[LogLine]:
    """Return the last ``count`` of these lines, and mark the earlier ones as read."""
    left_out = max(0, len(early) - count)
    for line in early[:left_out]:
        begun.move(writers[line.instance], line.at)
    return early[left_out:]


async def _follow(
    call: Call, release: int | None, seen: Position,
    recent: AsyncGenerator[tuple[LogLine, Writer], None] | None = None, *, is_json: bool,
) -> AsyncIterator[ServerSentEvent]:  # fmt: skip
    """Yield the position, the recent lines if given, and then new lines."""
    yield ServerSentEvent(name="position", id=seen.id, data="")
    if recent is not None:
        async with aclosing(recent):
            async for line, writer in recent:
                seen.move(writer, line.at)
                yield _event(line, writer, seen, is_json=is_json)
    counted: dict[Writer, Mark] = {}
    process = call.request.query_params.get("process")
    lines = call.engine.queries.runtime_logs.follow(call.app, process, release, seen.begin)
    async for line, writer in lines:
        counted[writer] = mark = Mark.after(counted.get(writer), line.at)
        if not seen.has(writer, mark):
            seen.move(writer, line.at)
            yield _event(line, writer, seen, is_json=is_json)


def _event(line: LogLine, writer: Writer, seen: Position, *, is_json: bool) -> ServerSentEvent:
    shown = translate.log_line(line, writer)
    return ServerSentEvent(id=seen.id, data=to_json(shown).decode() if is_json else render(shown))
