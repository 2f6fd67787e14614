"""``pvdify backups:restore``: restore volumes of an app, or a service, from a backup."""

from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import command, named_app_parameter
from pvdify.cli.commands.backups import follow
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment
from pvdify.client.api import Client
from pvdify.wire.answers import RestorePlan
from pvdify.wire.requests import RestoreBackup


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify backups:restore``. ``is_plan``: only show the plan."""

    wanted: RestoreBackup
    is_plan: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Print the plan, then start the restore."""
    plan = client.plan_restore(options.wanted)
    if options.is_plan:
        if options.as_json:
            io.show_json(plan)
        else:
            io.show(_text(plan, io))
            io.say("nothing was changed; without --plan this is done")
        return DONE
    if not options.as_json:
        io.show(_text(plan, io))
    code = follow(client.restore_backup(options.wanted), client, io, is_waiting=True, as_json=options.as_json)
    to = options.wanted.to or options.wanted.service or options.wanted.app
    if code == DONE and options.wanted.service:
        io.say(f"`pvdify services:info {to}` shows it; `pvdify services:link {to} APP` gives it to an app")
    elif code == DONE:
        io.say(f"`pvdify volumes {to}` shows them; a release that declares them mounts them when it starts")
    return code


@command(
    "backups:restore",
    run=run,
    example="pvdify backups:restore myapp --to myapp-restored --plan\n"
    "pvdify backups:restore myapp --to myapp-restored\n"
    "pvdify ps:stop myapp && pvdify backups:restore myapp --volume data --replace && pvdify ps:start myapp\n"
    "pvdify backups:restore --service db --to db-restored\npvdify backups:restore --service db --replace",
)
@named_app_parameter
@click.option("--backup", default="", metavar="ID", help="Which backup; default: the newest.")
@click.option("--volume", "volumes", multiple=True, metavar="NAME", help="Only this volume; repeatable.")
@click.option("--service", default="", metavar="NAME", help="Restore this service instead of volumes of an app.")
@click.option("--to", default="", metavar="NEW", help="Restore to this app or service; created if needed.")
@click.option("--replace", is_flag=True, help="Move existing data to the trash; an app has to be stopped.")
@click.option("--plan", "is_plan", is_flag=True, help="Show what would be done, and change nothing.")
def backups_restore(  # noqa: PLR0913 - one parameter per option
    *, app: str | None, surroundings: Surroundings, backup: str, volumes: tuple[str, ...], service: str, to: str,
    replace: bool, is_plan: bool, as_json: bool,
) -> Options:  # fmt: skip
    """Restore the volumes of APP, or a service, from a backup.

    A restore never overwrites data: a volume that APP has already is an error, unless --to names another app or
    --replace moves the volume to the trash, where it stays for 7 days. Restored data is compared with the backup before
    it is used. Apps cannot reach a postgres or redis service until it has the data of the backup; any other service is
    only restarted. Its old data stays in the trash for 7 days, too. To restore a lost server:
    `pvdify server restore LOCATION`.
    """
    if service and (app or volumes):
        raise click.UsageError("--service restores a service: an app and its volumes are restored without it")
    named = "" if service else app or app_name.resolve(None, None, surroundings)
    wanted = RestoreBackup(
        app=named, service=service, backup=backup, to=to, volumes=list(volumes), replace=replace
    )  # fmt: skip
    return Options(wanted=wanted, is_plan=is_plan, as_json=as_json)


def _text(plan: RestorePlan, io: Io) -> str:
    proof = f"proven {moment(plan.proven_at, io)}" if plan.proven_at else "never proven"
    return "\n".join(
        [f"from the backup {plan.backup} made {moment(plan.made_at, io)}, {proof}:", *(f"  {it}" for it in plan.steps)]
    )
