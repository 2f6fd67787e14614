"""``pvdify volumes``, ``volumes:destroy`` and ``volumes:restore``: directories that are kept between releases."""

from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment, until
from pvdify.cli.tables import table
from pvdify.cli.words import split
from pvdify.client.api import Client
from pvdify.wire.answers import Volume


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify volumes``."""

    app: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """Options of ``pvdify volumes:destroy`` and ``volumes:restore``."""

    app: str
    name: str
    as_json: bool
    purges: bool = False


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show all volumes of the app."""
    found = client.volumes(options.app)
    if options.as_json:
        io.show_json({"volumes": found})
    elif found:
        headers = ("VOLUME", "PATH", "USED BY", "SIZE", "LAST BACKUP", "NOTE")
        io.show(table(headers, (_row(it, io) for it in found), least=("NOTE",)))
    else:
        io.say(f"{options.app} has no volumes; `volumes` in pvdify.yml declares them")
    return DONE


def run_destroy(options: ChangeOptions, client: Client, io: Io) -> int:
    """Move a volume to the trash, or delete it."""
    client.destroy_volume(options.app, options.name, purges=options.purges)
    status = "deleted" if options.purges else "in the trash"
    if options.as_json:
        io.show_json({"app": options.app, "volume": options.name, "status": status})
    else:
        io.show(f"the volume {options.name} of {options.app} is {status}")
    if not options.purges:
        io.say(f"undo: pvdify volumes:restore {options.app} {options.name}")
    return DONE


def run_restore(options: ChangeOptions, client: Client, io: Io) -> int:
    """Restore a volume from the trash."""
    client.restore_volume(options.app, options.name)
    if options.as_json:
        io.show_json({"app": options.app, "volume": options.name, "status": "restored"})
    else:
        io.show(f"the volume {options.name} of {options.app} is restored")
    io.say(f"the next release that declares it mounts it; undo: pvdify volumes:destroy {options.app} {options.name}")
    return DONE


@command("volumes", run=run_list, example="pvdify volumes myapp")
@app_parameter
def volumes(*, app: str, as_json: bool) -> ListOptions:
    """Show the volumes of APP and what uses them.

    A volume belongs to the app, and deploys keep it. `volumes` in pvdify.yml declares volumes; paths that the image
    declares with VOLUME are kept, too.
    """
    return ListOptions(app=app, as_json=as_json)


@command("volumes:destroy", run=run_destroy, example="pvdify volumes:destroy myapp cache")
@click.argument("words", metavar="[APP] VOLUME", nargs=-1)
@click.option("--purge", "purges", is_flag=True, help="Delete it at once, also from the trash; it cannot be restored.")
@app_option
@click.pass_obj
def volumes_destroy(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, purges: bool, as_json: bool
) -> ChangeOptions:
    """Move a volume of APP to the trash.

    The trash is deleted after 7 days (the setting `trash`). Refused while a release that is live or on standby uses the
    volume.
    """
    name, (volume,) = split(words, app, surroundings, command="volumes:destroy", values="VOLUME")
    return ChangeOptions(app=name, name=volume, purges=purges, as_json=as_json)


@command("volumes:restore", run=run_restore, example="pvdify volumes:restore myapp data")
@click.argument("words", metavar="[APP] VOLUME", nargs=-1)
@app_option
@click.pass_obj
def volumes_restore(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> ChangeOptions:
    """Restore a volume of APP from the trash.

    If the app was destroyed, create it again, restore its volumes, then deploy.
    """
    name, (volume,) = split(words, app, surroundings, command="volumes:restore", values="VOLUME")
    return ChangeOptions(app=name, name=volume, as_json=as_json)


def _row(volume: Volume, io: Io) -> tuple[str, ...]:
    size = output.size(volume.size) if volume.size is not None else "unknown"
    last = moment(volume.last_backup_at, io) if volume.last_backup_at else "never"
    return volume.name, volume.path or "", ", ".join(volume.processes), size, last, _note(volume, io)


def _note(volume: Volume, io: Io) -> str:
    if volume.deleted_at is not None:
        return f"in the trash {until(volume.deleted_at, io)}"
    return "shared" if volume.shared else "" if volume.state == "used" else "not used by the live release"
