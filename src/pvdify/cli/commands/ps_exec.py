"""``pvdify ps:exec``: run a command inside a running instance."""

import re
from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.commands import run as one_off
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.client.api import Client
from pvdify.wire.answers import OneOff
from pvdify.wire.requests import ExecCommand, Terminal

_INSTANCE = re.compile(r"(?P<process>[a-z][a-z0-9_]*)(?:\.(?P<number>[1-9][0-9]{0,3}))?")
SHELL = "if command -v bash >/dev/null; then exec bash; else exec sh; fi"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify ps:exec``.

    ``what``: the command and how to show its output; ``process`` and ``number``: the instance, None for any.
    """

    what: one_off.Options
    process: str | None
    number: int | None

    @property
    def app(self) -> str:
        return self.what.app


def run(options: Options, client: Client, io: Io) -> int:
    """Run the command with this process's input and output; return its exit code."""

    def start(terminal: Terminal | None, raw: list[str] | None) -> OneOff:
        wanted = ExecCommand(
            command=options.what.command, process=options.process, number=options.number, terminal=terminal, raw=raw
        )
        return client.exec(options.app, wanted)

    return one_off.converse(options.what, client, io, start=start, name="ps:exec")


@command(
    "ps:exec", run=run, cls=one_off.DividedCommand,
    example="pvdify ps:exec myapp\npvdify ps:exec myapp web.2 -- cat /proc/1/status",
)  # fmt: skip
@click.argument("words", metavar="[APP] [PROCESS.N] [--] [COMMAND] [ARGUMENT]...", nargs=-1)
@app_option
@click.option("-d", "--dyno", "instance", metavar="PROCESS.N", help="The same as the argument PROCESS.N.")
@click.option("--no-tty", "is_plain", is_flag=True, help="Use pipes, even at a terminal.")
@click.option("--reveal", "is_revealing", is_flag=True, help="Show secrets also at a terminal and in --json.")
@click.pass_context
def ps_exec(
    ctx: click.Context, *, words: tuple[str, ...], app: str | None, instance: str | None, is_plain: bool,
    is_revealing: bool, as_json: bool,
) -> Options:  # fmt: skip
    """Run a command inside a running instance of APP.

    The command runs in the instance's container, with its config vars; default: a shell in the first instance of web.
    Input, output and exit code are passed through. The command ends when you end this one; the instance keeps running.
    To use a separate container, which does not affect visitors: `pvdify run`.

    Write options of pvdify before the command; the first word is the app unless --app is given.
    """
    surroundings = ctx.find_object(Surroundings)
    assert surroundings is not None  # noqa: S101 - set by the parser
    before, command_words = _divide(words, ctx.meta.get(one_off.DIVIDED), has_app=app is not None)
    argument, named = _app_and_instance(before, has_app=app is not None)
    process, number = instance_of(instance or named)
    what = one_off.Options(
        app=app_name.resolve(argument, app, surroundings), command=one_off.one_or_more(command_words or (SHELL,)),
        is_plain=is_plain, as_json=as_json, is_revealing=is_revealing,
    )  # fmt: skip
    return Options(what=what, process=process, number=number)


def _divide(
    words: tuple[str, ...], divided: list[str] | None, *, has_app: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:  # fmt: skip
    """Split the words at the start of the command. Without ``--``, an instance must have its number."""
    if divided is not None:
        return words, tuple(divided)
    at = 0
    if not has_app and words and "." not in words[0] and app_name.looks_like_one(words[0]):
        at = 1
    if at < len(words) and "." in words[at] and _INSTANCE.fullmatch(words[at]):
        at += 1
    return words[:at], words[at:]


def _app_and_instance(before: tuple[str, ...], *, has_app: bool) -> tuple[str | None, str | None]:
    if len(before) > 2 or (has_app and len(before) > 1):
        raise Misuse(f'"{before[-1]}" is one word too many', next="pvdify ps:exec APP PROCESS.N -- COMMAND")
    if len(before) == 2:
        return before[0], before[1]
    if has_app or (before and "." in before[0]):
        return None, (before[0] if before else None)
    return (before[0] if before else None), None


def instance_of(text: str | None) -> tuple[str | None, int | None]:
    """Return the process and number in ``web.1`` or ``web``. Raises Misuse."""
    if text is None:
        return None, None
    found = _INSTANCE.fullmatch(text)
    if found is None:
        raise Misuse(f'"{text}" is not an instance', next="write web.1, or web for any of them; `pvdify ps` shows them")
    return found["process"], None if found["number"] is None else int(found["number"])
