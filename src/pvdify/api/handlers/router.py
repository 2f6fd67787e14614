"""/router/log: the access log."""

from collections.abc import AsyncIterator

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.web.answers import ServerSentEvent, event_stream, json_answer, text_answer
from pvdify.wire import answers
from pvdify.wire.logs import render_visit


async def show_visits(call: Call) -> Response:
    """List the requests that ended last, or follow them; a token for one app sees that app's, or a preview's of it."""
    app = call.actor.narrowed(call.request.query_params.get("app"))
    found = await call.engine.observations.visits(app, call.number("lines", 100, least=0, most=10_000) or 0)
    visits = [translate.visit(it) for it in found]
    is_json = call.request.query_params.get("format") == "json"
    if call.flag("follow"):
        return event_stream(_follow(call, app, visits, is_json=is_json))
    if is_json:
        return json_answer({"visits": visits})
    return text_answer("".join(f"{render_visit(visit)}\n" for visit in visits))


async def _follow(
    call: Call, app: str | None, last: list[answers.Visit], *, is_json: bool
) -> AsyncIterator[ServerSentEvent]:
    for visit in last:
        yield _event(visit, is_json=is_json)
    async for found in call.engine.observations.follow_visits(app):
        if found is not None:
            yield _event(translate.visit(found), is_json=is_json)


def _event(visit: answers.Visit, *, is_json: bool) -> ServerSentEvent:
    return ServerSentEvent(data=to_json(visit).decode() if is_json else render_visit(visit))
