"""``pvdify apps:destroy``: remove an app after its name was typed a second time."""

from dataclasses import dataclass

import click

from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.quantities import write_seconds


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify apps:destroy``. ``confirm``: the name a second time; None: ask for it."""

    app: str
    confirm: str | None
    as_json: bool
    purges: bool = False


def run(options: Options, client: Client, io: Io) -> int:
    """Destroy the app if its name is confirmed. Raises click.UsageError."""
    confirmed = options.confirm if options.confirm is not None else _ask(options.app, io)
    if confirmed != options.app:
        raise click.UsageError(f'"{confirmed}" is not {options.app}: nothing was destroyed')
    destroyed = client.destroy_app(options.app, purges=options.purges)
    if options.as_json:
        io.show_json(destroyed)
    else:
        io.show(f"{options.app} is being destroyed, with its releases, config, logs and instances")
    if destroyed.trash_seconds:
        kept = write_seconds(destroyed.trash_seconds)
        io.say(f"its volumes, if any, can be restored for {kept}: pvdify volumes {options.app}")
    return DONE


@command("apps:destroy", run=run, example="pvdify apps:destroy myapp --confirm myapp")
@app_parameter
@click.option("-c", "--confirm", metavar="NAME", help="Repeat the app's name; a terminal prompts for it.")
@click.option("--purge", "purges", is_flag=True, help="Also delete its volumes at once.")
def apps_destroy(*, app: str, confirm: str | None, purges: bool, as_json: bool) -> Options:
    """Remove APP; only its volumes can be restored.

    Its releases, config, logs and registry logins are deleted permanently. Its volumes stay in the trash for 7 days
    (the setting `trash`); `pvdify volumes:restore` restores them.
    """
    return Options(app=app, confirm=confirm, purges=purges, as_json=as_json)


def _ask(app: str, io: Io) -> str:
    if not io.is_stdin_terminal:
        raise click.UsageError(f"to destroy {app}, say its name once more: --confirm {app}")
    return io.ask(f"{app} will be gone, with its releases, config and logs.\nType its name to destroy it: ")
