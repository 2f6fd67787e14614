"""``pvdify config:copy``: copy config vars from one app to another, on the server."""

from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import command
from pvdify.cli.commands.config_change import report
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.misuse import Misuse
from pvdify.client.api import Client
from pvdify.wire.answers import Config
from pvdify.wire.requests import CopyConfig


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify config:copy``."""

    app: str
    wanted: CopyConfig
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Copy the config vars, and print which were left out."""
    source, app = options.wanted.source, options.app
    done = client.copy_config(app, options.wanted)
    if options.as_json:
        io.show_json({"app": app, "source": source, **vars(done)})
    elif done.set:
        shown = Config(version=done.version, live_version=done.live_version, vars={})
        report(shown, app, f"set {', '.join(done.set)} as in {source}", io, as_json=False)
    else:
        io.say(f"nothing was copied: config v{done.version} of {app} says the same")
    if done.left_out:
        io.say(f"left out, as they are secret: {', '.join(done.left_out)}; --secrets copies them, too")
    return DONE


@command(
    "config:copy", run=run, example="pvdify config:copy myapp myapp-staging\npvdify config:copy blog shop LOG_LEVEL"
)
@click.argument("words", metavar="FROM TO [KEY]...", nargs=-1)
@click.option("--secrets", "with_secrets", is_flag=True, help="Also copy secrets; they stay secret.")
def config_copy(*, words: tuple[str, ...], with_secrets: bool, as_json: bool) -> Options:
    """Copy the config vars of the app FROM to the app TO.

    Copies all, or only the named ones; other variables of TO stay. The server copies, so no value is sent to this
    machine. Secrets are copied only with --secrets. The next deploy of TO applies the change.
    """
    if len(words) < 2:
        raise Misuse(f"{'TO' if words else 'FROM'} is missing", next="pvdify config:copy FROM TO")
    source, target, *keys = words
    if source == target:
        raise click.UsageError("FROM and TO are the same app")
    wanted = CopyConfig(source=app_name.check(source), keys=keys, secrets=with_secrets)
    return Options(app=app_name.check(target), wanted=wanted, as_json=as_json)
