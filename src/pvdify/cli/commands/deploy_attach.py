"""``pvdify deploy:attach``: follow a deploy that another command started."""

from dataclasses import dataclass

from pvdify.cli.command import app_parameter, command
from pvdify.cli.in_progress import newest
from pvdify.cli.io import Io
from pvdify.cli.parameters import release_option
from pvdify.cli.watch import watch
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify deploy:attach``."""

    app: str
    release: int | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Follow the deploy of the release, or else the newest one, from its first line."""
    app = options.app
    release = client.release(app, options.release) if options.release else newest(app, client)
    io.say(f"Deploying {release.image} to {release.app}")
    return watch(release, client, io, as_json=options.as_json)


@command("deploy:attach", run=run, example="pvdify deploy:attach myapp")
@app_parameter
@release_option
def deploy_attach(*, app: str, release: int | None, as_json: bool) -> Options:
    """Follow the running deploy of APP.

    Shows the log from its first line, and ends as `pvdify deploy` would. If no deploy is running, shows the log of the
    newest one.
    """
    return Options(app=app, release=release, as_json=as_json)
