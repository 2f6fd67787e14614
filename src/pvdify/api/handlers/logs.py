"""/apps/{app}/logs."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import ServerSentEvent, event_stream, json_answer, text_answer
from pvdify.api.call import Call
from pvdify.wire import answers
from pvdify.wire.logs import render


async def show_logs(call: Call) -> Response:
    """Runtime logs: the last lines, or as they come."""
    release = call.number("release", None, most=10**9)
    names = await call.engine.queries.log_names(call.app, call.request.query_params.get("process"), release)
    last = await call.engine.queries.tail(names, call.number("lines", 100, least=0, most=100_000) or 0)
    is_json = call.request.query_params.get("format") == "json"
    lines = [translate.log_line(line, *names[line.instance]) for line in last]
    if call.flag("follow"):
        return event_stream(_follow(call, release, lines, is_json=is_json))
    return json_answer({"lines": lines}) if is_json else text_answer("".join(f"{render(line)}\n" for line in lines))


async def _follow(
    call: Call, release: int | None, last: list[answers.LogLine], *, is_json: bool
) -> AsyncIterator[ServerSentEvent]:
    """What was there, then what comes."""
    for shown in last:
        yield _event(shown, is_json=is_json)
    since = last[-1].at if last else datetime.now(UTC)
    process = call.request.query_params.get("process")
    async for line, place, number in call.engine.queries.follow(call.app, process, release, since):
        yield _event(translate.log_line(line, place, number), is_json=is_json)


def _event(line: answers.LogLine, *, is_json: bool) -> ServerSentEvent:
    return ServerSentEvent(data=to_json(line).decode() if is_json else render(line))
