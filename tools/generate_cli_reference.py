#!/usr/bin/env python3
"""Write docs/reference/cli.md from the command line's own help; ``--check`` fails when the page is stale."""

import inspect
import io
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from pvdify.cli.command_table import COMMANDS, program
from pvdify.cli.io import Surroundings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# Command line

This page is written by `make docs` from the help of the commands themselves: change the help, not the page.

Every command for an app takes its name as first argument. Without it, the command uses `--app`, then `PVDIFY_APP`, then
`app:` in `./pvdify.yml`, then the name of the repository (`GITHUB_REPOSITORY`, else the git remote `origin`).

The server is the first of: `--url` or `--server`, `PVDIFY_URL`, the selected server of `pvdify servers`, the unix
socket of a server on this machine, `https://pvdify.win` (which gets a token only if you name it). The token is
`PVDIFY_TOKEN`, else the one saved for that server; the unix socket needs none. A token is never sent over plain HTTP
to another machine.

Results go to stdout; messages, progress and errors go to stderr. Tables fit the terminal, or `COLUMNS`, or 80 columns:
cells are shortened, words wrap, and columns are left out; `--json` has everything. With `--json`, stdout has one JSON
object. `NO_COLOR` disables colors; colors are never the only sign. See also [exit codes](exit-codes.md).

| command | does |
|---|---|
"""


def main() -> int:
    page = HEAD + "".join(parts())
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(page, "utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text("utf-8") == page:
        return 0
    print(f"{PAGE.name} is stale: run `make docs` and commit it", file=sys.stderr)
    return 1


def parts() -> Iterator[str]:
    surroundings = Surroundings(environ={}, folder=Path(), stdin=io.StringIO())
    with click.Context(program, info_name="pvdify", obj=surroundings) as parent:
        found = [each for name in COMMANDS for each in with_its_own(parent, name, command_of(parent, name))]
        for name, command, _ in found:
            anchor = f"pvdify-{name.replace(':', '').replace(' ', '-')}"
            yield f"| [`pvdify {name}`](#{anchor}) | {paragraphs(command)[0].removesuffix('.')} |\n"
        for _, command, context in found:
            yield from section(context, command)


def with_its_own(
    parent: click.Context, name: str, command: click.Command
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """The command by its full name, or the commands of a group in its place."""
    context = click.Context(command, info_name=name.rpartition(" ")[2], parent=parent)
    if isinstance(command, click.Group):
        for inner, deeper in command.commands.items():
            yield from with_its_own(context, f"{name} {inner}", deeper)
    else:
        yield name, command, context


def command_of(parent: click.Context, name: str) -> click.Command:
    command = program.get_command(parent, name)
    assert command is not None
    return command


def section(context: click.Context, command: click.Command) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"\n## {context.command_path}\n\n```\n{context.command_path} {usage}\n```\n\n"
    yield "\n\n".join(paragraphs(command)) + "\n\n| option | |\n|---|---|\n"
    for option in (parameter for parameter in command.params if isinstance(parameter, click.Option)):
        names, text = option.get_help_record(context) or ("", "")
        yield f"| `{names}` | {text} |\n".replace("[admin|deploy|read]", "admin, deploy, read")
    yield "\n```console\n"
    for line in (command.epilog or "").splitlines()[2:]:
        yield f"$ {line.strip()}\n"
    yield "```\n"


def paragraphs(command: click.Command) -> list[str]:
    return inspect.cleandoc(command.help or "").split("\n\n")


if __name__ == "__main__":
    sys.exit(main())
