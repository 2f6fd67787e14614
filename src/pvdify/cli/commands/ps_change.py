"""``pvdify ps:scale``, ``ps:restart``, ``ps:stop`` and ``ps:start``: change an app's processes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.exit_codes import DETACHED, DONE, exit_code
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.live import display
from pvdify.cli.words import exists
from pvdify.client.api import Client
from pvdify.client.events import keep_asking
from pvdify.client.problems import from_failure
from pvdify.errors import FailedError
from pvdify.manifest.names import WEB
from pvdify.wire.answers import Operation, Process
from pvdify.wire.deploy_log import step_line

_WISH = re.compile(r"(?P<process>[a-z][a-z0-9_]*)(?P<how>[=+-])(?P<number>[0-9]{1,4})")
_PAUSE = 0.2
_SETTLED = ("succeeded", "failed", "canceled", "needs-attention")
no_wait_option = click.option("--no-wait", is_flag=True, help="Do not wait; print the operation's id.")


@dataclass(frozen=True, kw_only=True)
class ScaleOptions:
    """Options of ``pvdify ps:scale``.

    ``requested`` maps a process to ``3``, ``+1`` or ``-1``; empty: show the current counts.
    """

    app: str
    requested: dict[str, str] = field(default_factory=dict)
    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RestartOptions:
    """Options of ``pvdify ps:restart``. ``process``: None for all.

    ``otherwise``: the app whose process ``app`` is, if no app has that name.
    """

    app: str
    process: str | None
    otherwise: str | None = None
    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class StopOptions:
    """Options of ``pvdify ps:stop`` and ``ps:start``."""

    app: str
    is_stopped: bool
    is_waiting: bool
    as_json: bool


def run_scale(options: ScaleOptions, client: Client, io: Io) -> int:
    """Change the number of instances, or show it."""
    processes = client.processes(options.app)
    before = {process.name: process.count for process in processes}
    if not options.requested:
        return _show_scale(options, before, io)
    operation = client.scale(options.app, options.requested)
    back = " ".join(f"{name}={before[name]}" for name in options.requested if name in before)
    # If no instance runs, the app may be stopped, and then these counts would be the wrong ones to return to.
    undo = f"pvdify ps:scale {options.app} {back}" if any(before.values()) else ""
    code = _finish(operation, client, io, options, undo=undo)
    if code == DONE:
        _note_spread(options, processes, io)
    return code


def _note_spread(options: ScaleOptions, processes: Sequence[Process], io: Io) -> None:
    """Print a note about sessions in memory when web grows from one instance to several."""
    web = next((process for process in processes if process.name == WEB), None)
    if web is None or WEB not in options.requested or web.affinity is not None or web.count > 1:
        return
    wanted = options.requested[WEB]
    count = web.count + int(wanted) if wanted.startswith(("+", "-")) else int(wanted)
    if count > 1:
        io.say("each request of a visitor may now go to another instance. If the app keeps sessions in memory: "
               "`affinity: cookie` for web in pvdify.yml, then deploy")  # fmt: skip


def run_restart(options: RestartOptions, client: Client, io: Io) -> int:
    """Replace the instances by new ones."""
    if options.otherwise is not None and not exists(options.app, client):
        options = replace(options, app=app_name.check(options.otherwise), process=options.app)
    return _finish(client.restart(options.app, options.process), client, io, options)


def run_stop(options: StopOptions, client: Client, io: Io) -> int:
    """Stop all instances, or start them again."""
    undo = f"pvdify ps:{'start' if options.is_stopped else 'stop'} {options.app}"
    return _finish(client.set_stopped(options.app, is_stopped=options.is_stopped), client, io, options, undo=undo)


@command("ps:scale", run=run_scale, example="pvdify ps:scale myapp web=3 worker+1")
@click.argument("words", metavar="[APP] [PROCESS=COUNT]...", nargs=-1)
@app_option
@no_wait_option
@click.pass_obj
def ps_scale(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, no_wait: bool, as_json: bool
) -> ScaleOptions:
    """Change the number of instances of a process.

    `web=3`, `web+1` or `web-1`, several at once; without any, show the current counts. New instances get visitors once
    they are healthy; removed ones finish their open requests first. The count applies to later deploys, too, until
    `count` in the manifest changes.
    """
    argument, words = _app_first(words, app)
    requested = {}
    for word in words:
        found = _WISH.fullmatch(word)
        if found is None:
            raise click.UsageError(f'"{word}" is not PROCESS=COUNT; write web=3, web+1 or web-1')
        if found["process"] in requested:
            raise click.UsageError(f"{found['process']} is named twice")
        requested[found["process"]] = found["how"].removeprefix("=") + found["number"]
    name = app_name.resolve(argument, app, surroundings)
    return ScaleOptions(app=name, requested=requested, is_waiting=not no_wait, as_json=as_json)


@command("ps:restart", run=run_restart, example="pvdify ps:restart myapp web")
@click.argument("words", metavar="[APP] [PROCESS]", nargs=-1)
@app_option
@no_wait_option
@click.pass_obj
def ps_restart(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, no_wait: bool, as_json: bool
) -> RestartOptions:
    """Replace the instances of APP with new ones.

    The release and its config stay the same. Web instances are replaced without losing a request; two instances of
    another process never run at once. To apply a config change, deploy. A single word is the app if the server has one
    of that name, else a process of the default app; with `--app` it is the process.
    """
    if len(words) > (2 if app is None else 1):
        raise click.UsageError("one app and one process, please")
    argument, process, otherwise = _restarted(words, app, surroundings)
    return RestartOptions(
        app=app_name.resolve(argument, app, surroundings), process=process, otherwise=otherwise,
        is_waiting=not no_wait, as_json=as_json,
    )  # fmt: skip


def _restarted(
    words: tuple[str, ...], app: str | None, surroundings: Surroundings
) -> tuple[str | None, str | None, str | None]:
    """Return the app, its process, and the app whose process the first word is if no app has that name."""
    if app is not None or not words:
        return None, words[0] if words else None, None
    if len(words) > 1:
        return words[0], words[1], None
    known = app_name.implied(surroundings)
    if known is None or known.name == words[0]:
        return words[0], None, None
    return (words[0], None, known.name) if app_name.looks_like_one(words[0]) else (None, words[0], None)


@command("ps:stop", run=run_stop, example="pvdify ps:stop myapp")
@app_parameter
@no_wait_option
def ps_stop(*, app: str, no_wait: bool, as_json: bool) -> StopOptions:
    """Stop every instance of APP.

    They stay stopped until `pvdify ps:start`; visitors get 503 meanwhile. Deploys to a stopped app change the live
    release and start no instance.
    """
    return StopOptions(app=app, is_stopped=True, is_waiting=not no_wait, as_json=as_json)


@command("ps:start", run=run_stop, example="pvdify ps:start myapp")
@app_parameter
@no_wait_option
def ps_start(*, app: str, no_wait: bool, as_json: bool) -> StopOptions:
    """Start the instances of a stopped APP again."""
    return StopOptions(app=app, is_stopped=False, is_waiting=not no_wait, as_json=as_json)


def _app_first(words: tuple[str, ...], app: str | None) -> tuple[str | None, tuple[str, ...]]:
    """Return the app if the first word is one.

    ``myapp-pr-12`` is an app, although it looks like a process with ``-12``.
    """
    if app is None and words and "=" not in words[0] and "+" not in words[0]:
        return words[0], words[1:]
    return None, words


def _show_scale(options: ScaleOptions, counts: dict[str, int], io: Io) -> int:
    if options.as_json:
        io.show_json({"app": options.app, "scale": counts})
    elif counts:
        io.show(" ".join(f"{name}={count}" for name, count in counts.items()))
    else:
        io.say(f"nothing runs yet; the first deploy: pvdify deploy {options.app} --image REF")
    return DONE


def _finish(
    operation: Operation, client: Client, io: Io, options: ScaleOptions | RestartOptions | StopOptions, undo: str = ""
) -> int:
    """Follow the operation to its end, unless --no-wait was given; print the result and return the exit code."""
    if options.is_waiting:
        try:
            operation = _followed(operation, client, io)
        except KeyboardInterrupt:
            io.say(f"Detached; the change continues. `pvdify ps {operation.app}` shows what runs.")
            return DETACHED
    if options.as_json:
        io.show_json(operation)
    if not options.is_waiting:
        if not options.as_json:
            io.show(operation.id)
        return DONE
    return _report(operation, io, undo, as_json=options.as_json)


def _followed(operation: Operation, client: Client, io: Io) -> Operation:
    lines, shown = display(io), 0
    try:
        while True:
            for step in operation.steps[shown:]:
                lines.line(step_line(step.name, step.text, step.seconds))
            shown = len(operation.steps)
            if operation.state in _SETTLED:
                return operation
            client.sleep(_PAUSE)
            operation = keep_asking(
                partial(client.operation, operation.app, operation.id), f"the change of {operation.app}",
                f"`pvdify ps {operation.app}` shows what runs", sleep=client.sleep,
            )  # fmt: skip
    finally:
        lines.close()


def _report(operation: Operation, io: Io, undo: str, *, as_json: bool) -> int:
    if operation.state == "succeeded":
        text = f"{operation.app}: {operation.kind} {operation.text}"
        if operation.kind == "restart":
            text = f"{operation.app} runs new instances of {operation.text.replace(' ', ', ')}"
        elif operation.text in ("stop", "start"):
            text = f"{operation.app} is {'stopped' if operation.text == 'stop' else 'started'}"
        if not as_json:
            io.show(text, style="good")
        if undo:
            io.say(f"undo: {undo}")
        return DONE
    error = from_failure(operation.failure) if operation.failure else FailedError(
        f"{operation.app}: {operation.kind} {operation.text} ended as {operation.state}",
        next=f"`pvdify ps {operation.app}` shows what runs",
    )  # fmt: skip
    first, _, rest = error.render().partition("\n")
    io.say(first, style="error")
    io.say(rest)
    return exit_code(error)
