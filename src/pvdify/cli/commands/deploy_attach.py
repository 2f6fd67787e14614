"""``pvdify deploy:attach``: follow a deploy that another command started."""

from dataclasses import dataclass

from pvdify.cli.command import app_parameter, command
from pvdify.cli.in_progress import newest
from pvdify.cli.io import Io
from pvdify.cli.watch import watch
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify deploy:attach``."""

    app: str
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Follow the newest deploy from its first line."""
    release = newest(options.app, client)
    io.say(f"Deploying {release.image} to {release.app}")
    return watch(release, client, io, as_json=options.as_json)


@command("deploy:attach", run=run, example="pvdify deploy:attach myapp")
@app_parameter
def deploy_attach(*, app: str, as_json: bool) -> Options:
    """Follow the running deploy of APP.

    Shows the log from its first line, and ends as `pvdify deploy` would. If no deploy is running, shows the log of the
    newest one.
    """
    return Options(app=app, as_json=as_json)
