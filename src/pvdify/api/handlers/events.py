"""/events: who did what."""

from collections.abc import AsyncIterator

from pydantic_core import to_json
from starlette.responses import Response

from pvdify.api import moments, translate
from pvdify.api.call import Call
from pvdify.errors import InvalidError
from pvdify.model.action import problem_with_kind
from pvdify.model.event import Event, EventFilter
from pvdify.web.answers import ServerSentEvent, encoded_answer, event_stream, json_answer

LONGEST_ID = 19  # digits; more are no number that SQLite has


async def list_events(call: Call) -> Response:
    """List the events, newest first, or follow them; a token for one app sees that app's, or a preview's of it."""
    query = call.request.query_params
    kind = query.get("kind")
    if kind is not None and (problem := problem_with_kind(kind)):
        raise InvalidError(f'there are no events of the kind "{kind}"', why=problem, next="`pvdify events --help`")
    wanted = EventFilter(
        app=call.actor.narrowed(query.get("app")), actor=query.get("actor"), kind=kind,
        since=moments.since(call),
    )  # fmt: skip
    limit, activity = call.number("limit", 100, least=0) or 0, call.engine.queries.activity
    if not call.flag("follow"):

        async def events() -> object:
            return {"events": [translate.event(it) for it in await activity.last(wanted, limit)]}

        if wanted.since is not None:  # most often counted back from now, so that no other request asks for the same
            return json_answer(await events())
        return encoded_answer(await call.kept.records.of(("events", wanted, limit), events))
    seen = call.request.headers.get("last-event-id", "")
    if seen.isdecimal() and len(seen) < LONGEST_ID:
        return event_stream(_follow(call, wanted, (), int(seen)))
    newest = await activity.newest_id()
    last = tuple(event for event in await activity.last(wanted, limit) if event.id <= newest)
    return event_stream(_follow(call, wanted, last[::-1], newest))


async def _follow(
    call: Call, wanted: EventFilter, last: tuple[Event, ...], after: int
) -> AsyncIterator[ServerSentEvent]:  # fmt: skip
    for event in last:
        yield _event(event)
    async for event in call.engine.queries.activity.follow(wanted, after):
        yield _event(event)


def _event(event: Event) -> ServerSentEvent:
    return ServerSentEvent(id=str(event.id), data=to_json(translate.event(event)).decode())
