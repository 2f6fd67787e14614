"""/apps/{app}/logs."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import ServerSentEvent, event_stream, json_answer, text_answer
from pvdify.api.call import Call
from pvdify.model.instance import LogLine
from pvdify.model.slot import Placement
from pvdify.wire import answers
from pvdify.wire.logs import render

Names = Mapping[str, tuple[Placement, int]]


async def show_logs(call: Call) -> Response:
    """Runtime logs: the last lines, or as they come."""
    release = call.number("release", None, most=10**9)
    names = await call.engine.queries.log_names(call.app, call.request.query_params.get("process"), release)
    last = await call.engine.queries.tail(names, call.number("lines", 100, least=0, most=100_000) or 0)
    is_json = call.request.query_params.get("format") == "json"
    if call.flag("follow"):
        return event_stream(_follow(call, names, last, is_json=is_json))
    lines = [_wire(line, names) for line in last]
    return json_answer({"lines": lines}) if is_json else text_answer("".join(f"{render(line)}\n" for line in lines))


async def _follow(
    call: Call, names: Names, last: tuple[LogLine, ...], *, is_json: bool
) -> AsyncIterator[ServerSentEvent]:
    """What was there, then what comes; after a deploy the new release's instances are followed."""
    for line in last:
        yield _event(_wire(line, names), is_json=is_json)
    since = last[-1].at if last else datetime.now(UTC)
    async for line in call.engine.queries.follow(names, since):
        yield _event(_wire(line, names), is_json=is_json)


def _event(line: answers.LogLine, *, is_json: bool) -> ServerSentEvent:
    return ServerSentEvent(data=to_json(line).decode() if is_json else render(line))


def _wire(line: LogLine, names: Names) -> answers.LogLine:
    place, release = names[line.instance]
    return translate.log_line(line, place, release)
