"""``pvdify services:connect``: run a service's client in its container."""

from dataclasses import dataclass

import click

from pvdify.cli.command import command
from pvdify.cli.commands import run as one_off
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.wire.answers import OneOff
from pvdify.wire.requests import ConnectService, Terminal


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify services:connect``. ``command``: None for the service's client."""

    name: str
    command: str | list[str] | None
    is_plain: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Run the command with this process's input and output; return its exit code."""

    def start(terminal: Terminal | None, raw: list[str] | None) -> OneOff:
        wanted = ConnectService(command=options.command, terminal=terminal, raw=raw)
        return client.connect_service(options.name, wanted)

    what = one_off.Options(
        app=options.name, command=options.command or "", is_plain=options.is_plain, as_json=options.as_json
    )
    return one_off.converse(what, client, io, start=start, name="services:connect")


@command(
    "services:connect", run=run, cls=one_off.DividedCommand,
    example="pvdify services:connect db\necho 'select 1' | pvdify services:connect db\n"
    "pvdify services:connect db -- df -h",
)  # fmt: skip
@click.argument("name")
@click.argument("words", metavar="[--] [COMMAND] [ARGUMENT]...", nargs=-1)
@click.option("--no-tty", "is_plain", is_flag=True, help="Use pipes, even at a terminal.")
@click.pass_context
def services_connect(
    ctx: click.Context, *, name: str, words: tuple[str, ...], is_plain: bool, as_json: bool
) -> Options:  # fmt: skip
    """Open psql or redis-cli in the service NAME.

    The client is signed in already. For other images, opens a shell; or runs COMMAND in the service's container. Input
    and output are passed through, with a terminal if you have one.
    """
    divided: list[str] | None = ctx.meta.get(one_off.DIVIDED)
    chosen = (*words, *(divided or ()))
    return Options(
        name=name, command=one_off.one_or_more(chosen) if chosen else None, is_plain=is_plain, as_json=as_json
    )
