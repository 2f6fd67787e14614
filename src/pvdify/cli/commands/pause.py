"""``pvdify pause`` and ``resume``: hold an app's new requests in the router for a moment."""

from dataclasses import dataclass

import click

from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.parameters import duration
from pvdify.client.api import Client
from pvdify.quantities import write_seconds


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify pause`` and ``resume``. ``seconds``: how long to hold requests; None: resume."""

    app: str
    seconds: int | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Pause or resume the app. Repeating the command is harmless."""
    if options.seconds is None:
        app = client.resume(options.app)
        text = f"{app.name} answers its requests again"
    else:
        app = client.pause(options.app, options.seconds)
        text = f"new requests of {app.name} wait, for {write_seconds(options.seconds)} at most"
    if options.as_json:
        io.show_json(app)
    else:
        io.show(text)
    if options.seconds is not None:
        io.say(f"to resume: pvdify resume {app.name}")
    return DONE


@command("pause", run=run, example="pvdify pause myapp --for 1m")
@app_parameter
@click.option("--for", "seconds", type=duration, metavar="30s", default="30s", help="How long; 5m at most.")
def pause(*, app: str, seconds: int, as_json: bool) -> Options:
    """Hold new requests of APP for a moment.

    The router keeps new requests waiting, and the app finishes its open ones. `pvdify resume`, or the end of the time,
    passes the waiting requests on. At most 1000 requests wait; more get 503.
    """
    return Options(app=app, seconds=seconds, as_json=as_json)


@command("resume", run=run, example="pvdify resume myapp")
@app_parameter
def resume(*, app: str, as_json: bool) -> Options:
    """End the pause of APP: held requests are passed on."""
    return Options(app=app, seconds=None, as_json=as_json)
