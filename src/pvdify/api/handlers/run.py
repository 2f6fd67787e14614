"""/apps/{app}/run: one-off commands, their output as events, their input in requests of their own."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.engine.running.one_offs import InstanceSelector, OneOff
from pvdify.errors import InvalidError
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.web.answers import ServerSentEvent, event_stream, json_answer
from pvdify.web.numbers import whole_number
from pvdify.wire import answers
from pvdify.wire.requests import ExecCommand, OpenTunnel, RunCommand, Terminal

MOST_CELLS = 10_000
MOST_PORTS = 65_535


async def run_command(call: Call) -> Response:
    """Run a command in a new container of the live release; it ends when no client reads its output any more."""
    body = await call.body(RunCommand)
    command = body.command if isinstance(body.command, str) else tuple(body.command)
    size = terminal_size(body.terminal) if body.terminal else None
    run = await call.engine.one_offs.start(call.app, command, size, call.actor, raw_streams(body.raw))
    return created(run)


async def exec_command(call: Call) -> Response:
    """Run a command inside a running instance; its output and end are those of /run."""
    body = await call.body(ExecCommand)
    command = body.command if isinstance(body.command, str) else tuple(body.command)
    size = terminal_size(body.terminal) if body.terminal else None
    where = InstanceSelector(process=body.process, number=body.number)
    return created(await call.engine.one_offs.enter(call.app, where, command, size, call.actor, raw_streams(body.raw)))


async def open_tunnel(call: Call) -> Response:
    """Connect to a port inside a running instance; its output, input and end are those of /run."""
    body = await call.body(OpenTunnel)
    if not 0 < body.port <= MOST_PORTS:
        raise InvalidError(f"{body.port} is no TCP port", why=f"ports go from 1 to {MOST_PORTS}", next="correct it")
    where = InstanceSelector(process=body.process, number=body.number)
    return created(await call.engine.one_offs.connect(call.app, where, body.port, call.actor))


def created(run: OneOff) -> Response:
    """Return a running command."""
    headers = {"Location": f"/api/v1/apps/{run.spec.app}/run/{run.id}"}
    return json_answer(answers.OneOff(id=run.id, app=run.spec.app, release=run.spec.slot), 201, headers)


async def watch_run(call: Call) -> Response:
    """Follow a command's output, base64, as events named ``stdout`` and ``stderr``; ``end`` has its exit code."""
    run = _run(call)
    seen = call.request.headers.get("last-event-id", "")
    return event_stream(_until_gone(call.request, _events(call, run, whole_number(seen) or 0)))


async def write_run(call: Call) -> Response:
    """Send bytes to a command's input; ``at`` is the number of bytes before them, ``end=1`` closes the input."""
    run = _run(call)
    await run.write(call.number("at", 0, least=0, most=2**62) or 0, await call.content())
    if call.flag("end"):
        await run.close_input()
    return Response(status_code=204)


async def resize_run(call: Call) -> Response:
    """Resize a command's terminal."""
    size = terminal_size(await call.body(Terminal))
    _run(call).resize(size)
    return Response(status_code=204)


async def end_run(call: Call) -> Response:
    """End a command."""
    await _run(call).end()
    return Response(status_code=204)


def raw_streams(names: list[str] | None) -> frozenset[Stream]:
    """Return the streams with these names. Raises InvalidError."""
    known = {stream.value: stream for stream in Stream}
    if unknown := [name for name in names or () if name not in known]:
        raise InvalidError(f'raw: "{unknown[0][:40]}" is no stream', next="name stdout, stderr, or both")
    return frozenset(known[name] for name in names or ())


def terminal_size(terminal: Terminal) -> TerminalSize:
    """Return the size of the terminal. Raises InvalidError."""
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
            yield _ended(piece, run) if isinstance(piece, int) else _written(*piece)


def _written(number: int, output: Output) -> ServerSentEvent:
    return ServerSentEvent(id=str(number), name=output.stream.value, data=base64.b64encode(output.data).decode())


def _ended(code: int, run: OneOff) -> ServerSentEvent:
    passed = run.passed
    end = answers.OneOffEnd(exit_code=code, secrets=sorted(passed), secret_count=passed.total())
    # without secrets, older clients get the format that they accept
    return ServerSentEvent(name="end", data=to_json(end if passed else {"exit_code": code}).decode())


async def _until_gone(
    request: Request, events: AsyncGenerator[ServerSentEvent, None]
) -> AsyncIterator[ServerSentEvent]:
    """Yield the events until the client disconnects, which is noticed between events, too."""
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
