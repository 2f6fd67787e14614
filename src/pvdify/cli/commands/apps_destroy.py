"""``pvdify apps:destroy``: remove an app, after its name was said a second time."""

from dataclasses import dataclass

import click

from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """``confirm``: the name once more; None: ask for it."""

    app: str
    confirm: str | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Destroy the app, if its name is confirmed. Raises click.UsageError."""
    confirmed = options.confirm if options.confirm is not None else _ask(options.app, io)
    if confirmed != options.app:
        raise click.UsageError(f'"{confirmed}" is not {options.app}: nothing was destroyed')
    client.destroy_app(options.app)
    if options.as_json:
        io.show_json({"name": options.app, "status": "destroying"})
    else:
        io.show(f"{options.app} is being destroyed, with its releases, config, logs and instances")
    return DONE


@command("apps:destroy", run=run, example="pvdify apps:destroy myapp --confirm myapp")
@app_parameter
@click.option("--confirm", metavar="NAME", help="The app's name once more; asked for at a terminal.")
def apps_destroy(*, app: str, confirm: str | None, as_json: bool) -> Options:
    """Remove APP and everything it has; there is no way back."""
    return Options(app=app, confirm=confirm, as_json=as_json)


def _ask(app: str, io: Io) -> str:
    if not io.is_stdin_terminal:
        raise click.UsageError(f"to destroy {app}, say its name once more: --confirm {app}")
    return io.ask(f"{app} will be gone, with its releases, config and logs.\nType its name to destroy it: ")
