"""``pvdify help`` and ``pvdify version``: ``--help`` and ``--version`` as words."""

from dataclasses import dataclass

import click

from pvdify import __version__
from pvdify.cli.command import local_command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io


@dataclass(frozen=True, kw_only=True)
class HelpOptions:
    """Options of ``pvdify help``: the text to show."""

    text: str


@dataclass(frozen=True, kw_only=True)
class VersionOptions:
    """Options of ``pvdify version``."""

    as_json: bool


def run_help(options: HelpOptions, io: Io) -> int:
    io.show(options.text)
    return DONE


def run_version(options: VersionOptions, io: Io) -> int:
    """Show the version of this command line."""
    if options.as_json:
        io.show_json({"version": __version__})
    else:
        io.show(f"pvdify {__version__}")
    return DONE


@local_command("help", run=run_help, example="pvdify help\npvdify help config:set", has_json=False)
@click.argument("words", metavar="[COMMAND]", nargs=-1)
@click.pass_context
def help(ctx: click.Context, *, words: tuple[str, ...]) -> HelpOptions:
    """Show all commands, or one command's options and an example."""
    context = ctx.find_root()
    rest = list(words)
    while rest and isinstance(context.command, click.Group):
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None  # noqa: S101 - resolve_command raises when there is none
        context = click.Context(command, info_name=name, parent=context, **command.context_settings)
    return HelpOptions(text=context.get_help())


@local_command("version", run=run_version, example="pvdify version")
def version(*, as_json: bool) -> VersionOptions:
    """Show the version of this command line.

    `pvdify status` shows the version of the server.
    """
    return VersionOptions(as_json=as_json)
