"""``pvdify releases:diff``: show how one release differs from another."""

from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import app_option, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.parameters import release_number
from pvdify.cli.words import split
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify releases:diff``."""

    app: str
    older: int
    newer: int
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the differences."""
    diff = client.diff(options.app, options.older, options.newer)
    if options.as_json:
        io.show_json(diff)
    elif diff.changes:
        io.show(output.differences(diff.changes))
    else:
        io.say(f"v{diff.before} and v{diff.after} of {diff.app} have the same image, config and manifest")
    return DONE


@command("releases:diff", run=run, example="pvdify releases:diff myapp 41 42")
@click.argument("words", metavar="[APP] A B", nargs=-1)
@app_option
@click.pass_obj
def releases_diff(surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool) -> Options:
    """Show how release B of APP differs from A.

    Image and digest, config vars that were added, removed or changed (by name, never by value), and the manifest.
    """
    name, numbers = split(words, app, surroundings, command="releases:diff", values="A B")
    older, newer = map(release_number, numbers)
    return Options(app=name, older=older, newer=newer, as_json=as_json)
