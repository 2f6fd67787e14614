"""/apps/{app}/run: one-off commands, their output as events, their input in requests of their own."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from pvdify.api.answers import ServerSentEvent, event_stream, json_answer
from pvdify.api.call import Call
from pvdify.engine.one_offs import OneOff
from pvdify.errors import InvalidError
from pvdify.model.one_off import Output, TerminalSize
from pvdify.wire import answers
from pvdify.wire.requests import RunCommand, Terminal

MOST_CELLS = 10_000


async def run_command(call: Call) -> Response:
    """Run a command in a container of the live release; it goes on for as long as its output is watched."""
    body = await call.body(RunCommand)
    command = body.command if isinstance(body.command, str) else tuple(body.command)
    size = _size(body.terminal) if body.terminal else None
    run = await call.engine.one_offs.start(call.app, command, size, call.actor)
    headers = {"Location": f"/api/v1/apps/{call.app}/run/{run.id}"}
    return json_answer(answers.OneOff(id=run.id, app=call.app, release=run.spec.slot), 201, headers)


async def watch_run(call: Call) -> Response:
    """What it writes, base64, as events named ``stdout`` and ``stderr``; ``end`` has its exit code."""
    run = _run(call)
    seen = call.request.headers.get("last-event-id", "")
    return event_stream(_until_gone(call.request, _events(call, run, int(seen) if seen.isdecimal() else 0)))


async def write_run(call: Call) -> Response:
    """Bytes for it to read; ``at`` says how many came before, and ``end=1`` that none will follow."""
    run = _run(call)
    await run.write(call.number("at", 0, least=0, most=2**62) or 0, await call.content())
    if call.flag("end"):
        await run.close_input()
    return Response(status_code=204)


async def resize_run(call: Call) -> Response:
    """Its terminal has another size."""
    size = _size(await call.body(Terminal))
    _run(call).resize(size)
    return Response(status_code=204)


async def end_run(call: Call) -> Response:
    """End it, whatever it is doing."""
    await _run(call).end()
    return Response(status_code=204)


def _size(terminal: Terminal) -> TerminalSize:
    if not (0 < terminal.rows <= MOST_CELLS and 0 < terminal.columns <= MOST_CELLS):
        raise InvalidError(
            f"a terminal of {terminal.rows} rows and {terminal.columns} columns", why=f"each is from 1 to {MOST_CELLS}",
            next="correct it",
        )  # fmt: skip
    return TerminalSize(rows=terminal.rows, columns=terminal.columns)


def _run(call: Call) -> OneOff:
    return call.engine.one_offs.find(call.app, str(call.request.path_params["run"]))


async def _events(call: Call, run: OneOff, seen: int) -> AsyncGenerator[ServerSentEvent, None]:
    async with aclosing(call.engine.one_offs.watch(run, seen)) as pieces:
        async for piece in pieces:
            yield _ended(piece) if isinstance(piece, int) else _written(*piece)


def _written(number: int, output: Output) -> ServerSentEvent:
    return ServerSentEvent(id=str(number), name=output.stream.value, data=base64.b64encode(output.data).decode())


def _ended(code: int) -> ServerSentEvent:
    return ServerSentEvent(name="end", data=to_json(answers.OneOffEnd(exit_code=code)).decode())


async def _until_gone(
    request: Request, events: AsyncGenerator[ServerSentEvent, None]
) -> AsyncIterator[ServerSentEvent]:
    """The events until the client has gone, also when there is nothing to tell it."""
    gone = asyncio.create_task(_client_gone(request))
    pending: asyncio.Future[ServerSentEvent] | None = None
    try:
        while True:
            pending = asyncio.ensure_future(anext(events))
            await asyncio.wait({pending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not pending.done():
                return
            try:
                event = pending.result()
            except StopAsyncIteration:
                return
            yield event
    finally:
        gone.cancel()
        if pending is not None and not pending.done():
            pending.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration):
                await pending
        await events.aclose()


async def _client_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
