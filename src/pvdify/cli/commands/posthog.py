"""``pvdify posthog`` and the commands ``posthog:…``: one PostHog project for the server and its apps."""

from dataclasses import dataclass, replace

import click

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, typed
from pvdify.cli.output import facts
from pvdify.client.api import Client
from pvdify.wire.answers import Posthog
from pvdify.wire.requests import ConnectPosthog


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify posthog`` and ``posthog:remove``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ConnectOptions:
    """Options of ``pvdify posthog:connect``. The personal key ``-`` means: read it from stdin."""

    wanted: ConnectPosthog
    as_json: bool


def run_show(options: Options, client: Client, io: Io) -> int:
    """Show the connection."""
    _show(client.posthog(), io, as_json=options.as_json)
    return DONE


def run_connect(options: ConnectOptions, client: Client, io: Io) -> int:
    """Connect the server to a project."""
    wanted = options.wanted
    if wanted.personal_key == "-":
        key = io.ask_secret("personal API key: ") if io.is_stdin_terminal else typed(io.stdin.readline)
        wanted = replace(wanted, personal_key=key.strip())
    _show(client.connect_posthog(wanted), io, as_json=options.as_json)
    io.say("apps without their own get POSTHOG_HOST and POSTHOG_KEY when they are started next: pvdify deploy APP")
    io.say("undo: pvdify posthog:remove")
    return DONE


def run_disconnect(options: Options, client: Client, io: Io) -> int:
    """Disconnect the server from PostHog."""
    client.disconnect_posthog()
    if options.as_json:
        io.show_json({"status": "disconnected"})
    else:
        io.show("PostHog is disconnected")
    io.say("apps lose POSTHOG_HOST and POSTHOG_KEY when they are started next: pvdify deploy APP")
    return DONE


@command("posthog", run=run_show, example="pvdify posthog")
def posthog(*, as_json: bool) -> Options:
    """Show whether this server is connected to PostHog."""
    return Options(as_json=as_json)


@command(
    "posthog:connect",
    run=run_connect,
    example="pvdify posthog:connect --host https://eu.i.posthog.com --key phc_abc123\n"
    "pvdify posthog:connect --host https://eu.i.posthog.com --key phc_abc123 --project 12345 --personal-key - <key",
)
@click.option("--host", required=True, metavar="URL", help="The address of PostHog.")
@click.option("--key", required=True, metavar="KEY", help="The project's key (phc_…); it is not secret.")
@click.option("--project", metavar="NUMBER", help="The project's number, for an annotation per release.")
@click.option("--personal-key", metavar="KEY|-", help="A personal API key that may write annotations; -: from stdin.")
def posthog_connect(
    *, host: str, key: str, project: str | None, personal_key: str | None, as_json: bool
) -> ConnectOptions:
    """Connect this server and its apps to a PostHog project.

    Apps that set neither POSTHOG_HOST nor POSTHOG_KEY get both. Deploys, rollbacks and previews become events in the
    project, without config values. No deploy waits for PostHog.
    """
    if (project is None) != (personal_key is None):
        raise click.UsageError("annotations need both --project and --personal-key")
    wanted = ConnectPosthog(host=host, key=key, personal_key=personal_key, project=project)
    return ConnectOptions(wanted=wanted, as_json=as_json)


@command("posthog:remove", run=run_disconnect, example="pvdify posthog:remove")
def posthog_remove(*, as_json: bool) -> Options:
    """Disconnect this server from PostHog."""
    return Options(as_json=as_json)


def _show(link: Posthog, io: Io, *, as_json: bool) -> None:
    if as_json:
        io.show_json(link)
    elif link.is_connected:
        annotates = f"every release, in project {link.annotates}" if link.annotates else "nothing"
        io.show(facts((("host", link.host or ""), ("key", link.key or ""), ("annotates", annotates))))
    else:
        io.say("not connected; to connect: pvdify posthog:connect --help")
