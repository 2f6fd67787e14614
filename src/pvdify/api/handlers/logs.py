"""/apps/{app}/logs."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import ServerSentEvent, event_stream, json_answer, text_answer
from pvdify.api.call import Call
from pvdify.errors import InvalidError
from pvdify.manifest.quantities import parse_seconds
from pvdify.model.instance import LogLine
from pvdify.wire import answers
from pvdify.wire.logs import render

MOST_LINES = 100_000
INSTANT = timedelta(microseconds=1)


async def show_logs(call: Call) -> Response:
    """Runtime logs: the last lines, or as they come; a stream that was cut goes on behind the last line seen."""
    release = call.number("release", None, most=10**9)
    names = await call.engine.queries.log_names(call.app, call.request.query_params.get("process"), release)
    is_json = call.request.query_params.get("format") == "json"
    since = _since(call)
    seen = _Seen.of(call.request.headers.get("last-event-id", ""))
    if call.flag("follow") and seen is not None:
        return event_stream(_follow(call, release, [], seen, is_json=is_json))
    wanted = call.number("lines", 100 if since is None else MOST_LINES, least=0, most=MOST_LINES) or 0
    last = await call.engine.queries.tail(names, wanted, since)
    lines = [translate.log_line(line, *names[line.instance]) for line in last]
    if call.flag("follow"):
        begun = await _begin(call, names, last, since)
        return event_stream(_follow(call, release, lines, begun, is_json=is_json))
    return json_answer({"lines": lines}) if is_json else text_answer("".join(f"{render(line)}\n" for line in lines))


class _Seen:
    """How far somebody has read: the moment of the last line, and how many lines of that moment were among them.

    Lines that were written together have the same time.
    """

    def __init__(self, at: datetime, count: int) -> None:
        self.at, self.count = at, count

    @classmethod
    def of(cls, text: str) -> "_Seen | None":
        """As ``id`` wrote it; None for anything else."""
        moment, _, count = text.partition("/")
        try:
            at = datetime.fromisoformat(moment)
        except ValueError:
            return None
        return cls(at, int(count)) if at.tzinfo is not None and count.isdecimal() else None

    @property
    def id(self) -> str:
        """As the id of an event."""
        return f"{self.at.isoformat()}/{self.count}"

    def add(self, at: datetime) -> None:
        """One more line."""
        self.count = self.count + 1 if at == self.at else 1
        self.at = at


async def _begin(call: Call, names: Mapping[str, object], last: tuple[LogLine, ...], since: datetime | None) -> _Seen:
    """Just before the first of these lines, of which others of the same moment may have been left out."""
    if not last:
        return _Seen(since or datetime.now(UTC), 0)
    first = last[0].at
    together = await call.engine.queries.tail(names, MOST_LINES, first - INSTANT)
    return _Seen(first, sum(line.at == first for line in together) - sum(line.at == first for line in last))


async def _follow(
    call: Call, release: int | None, last: list[answers.LogLine], seen: _Seen, *, is_json: bool
) -> AsyncIterator[ServerSentEvent]:
    """What was there, then what comes."""
    position = _Seen(seen.at, seen.count)
    yield ServerSentEvent(name="position", id=position.id, data="")
    for shown in last:
        position.add(shown.at)
        yield _event(shown, position.id, is_json=is_json)
    begun, to_skip = position.at, position.count
    process = call.request.query_params.get("process")
    position.count = 0
    async for line, place, number in call.engine.queries.follow(call.app, process, release, begun - INSTANT):
        position.add(line.at)
        if line.at > begun or position.count > to_skip:
            yield _event(translate.log_line(line, place, number), position.id, is_json=is_json)


def _event(line: answers.LogLine, id: str, *, is_json: bool) -> ServerSentEvent:
    return ServerSentEvent(id=id, data=to_json(line).decode() if is_json else render(line))


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
