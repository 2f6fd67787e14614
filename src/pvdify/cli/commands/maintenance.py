"""``pvdify maintenance:on`` and ``maintenance:off``: answer visitors with a 503 page while an app must not be used."""

from dataclasses import dataclass

from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify maintenance:on`` and ``maintenance:off``."""

    app: str
    is_on: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Turn maintenance on or off. Repeating the command is harmless."""
    app = client.set_maintenance(options.app, is_on=options.is_on)
    if options.as_json:
        io.show_json(app)
    elif options.is_on:
        io.show(f"{app.name} is in maintenance: visitors get 503, its instances keep running")
        io.say(f"undo: pvdify maintenance:off {app.name}")
    else:
        io.show(f"{app.name} serves its visitors again" + (f" at {app.url}" if app.url else ""))
    return DONE


@command("maintenance:on", run=run, example="pvdify maintenance:on myapp")
@app_parameter
def maintenance_on(*, app: str, as_json: bool) -> Options:
    """Show visitors of APP a maintenance page (503).

    Instances keep running, and deploys work; new releases get visitors when maintenance ends.
    """
    return Options(app=app, is_on=True, as_json=as_json)


@command("maintenance:off", run=run, example="pvdify maintenance:off myapp")
@app_parameter
def maintenance_off(*, app: str, as_json: bool) -> Options:
    """End the maintenance page of APP."""
    return Options(app=app, is_on=False, as_json=as_json)
