"""``pvdify backups``, ``backups:run`` and ``backups:verify``: list, make and verify backups."""

from dataclasses import dataclass

import click

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DETACHED, DONE, FAILED
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.cli.output import facts, size
from pvdify.cli.tables import table
from pvdify.client.api import Client
from pvdify.errors import BackupNotFound
from pvdify.wire.answers import Backup, BackupTarget, BackupTask
from pvdify.wire.requests import VerifyBackup


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify backups``.

    ``backup``: show only this one, with its content; ``app``: show only backups that contain the app.
    """

    backup: str | None
    app: str | None
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of ``pvdify backups:run``."""

    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class VerifyOptions:
    """Options of ``pvdify backups:verify``. ``backup``: an id; empty for the newest."""

    backup: str
    accepts_smaller: bool
    is_waiting: bool
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the target and the backups."""
    found = client.backups()
    backups = [it for it in found.backups if options.backup in (None, it.id)]
    if options.backup and not backups:
        raise BackupNotFound(f"there is no backup {options.backup}", next="`pvdify backups` lists them")
    backups = [it for it in backups if options.app is None or any(item.app == options.app for item in it.items)]
    if options.as_json:
        io.show_json({"target": found.target, "backups": backups, "tasks": found.tasks})
        return DONE
    if found.target is None:
        io.say("no backups are made: `pvdify backups:target LOCATION` says where they go")
        return DONE
    if options.backup and backups:
        io.show(_one(backups[0], io))
        return DONE
    io.show(target_facts(found.target, io))
    if backups:
        io.show("")
        headers = ("BACKUP", "MADE", "STATE", "ITEMS", "SIZE", "PROVEN AT", "NOTE")
        io.show(table(headers, (_row(it, io) for it in backups), least=("NOTE",)))
    else:
        io.say("there is no backup yet: pvdify backups:run")
    for task in found.tasks:
        if not task.is_over:
            io.say(f"a {task.kind} requested by {task.created_by} is {task.state}")
    return DONE


def run_run(options: RunOptions, client: Client, io: Io) -> int:
    """Start a backup, and follow it if the options say so."""
    return follow(client.run_backup(), client, io, is_waiting=options.is_waiting, as_json=options.as_json)


def run_verify(options: VerifyOptions, client: Client, io: Io) -> int:
    """Start verifying a backup, and follow it if the options say so."""
    task = client.verify_backup(VerifyBackup(backup=options.backup, accept_smaller=options.accepts_smaller))
    return follow(task, client, io, is_waiting=options.is_waiting, as_json=options.as_json)


def follow(task: BackupTask, client: Client, io: Io, *, is_waiting: bool, as_json: bool) -> int:
    """Show the lines of the task until it is over, then its result; return the exit code."""
    if not is_waiting:
        if as_json:
            io.show_json(task)
        else:
            io.show(f"a {task.kind} was requested")
        io.say("`pvdify backups` shows how it ends")
        return DONE
    try:
        for found in client.follow_backup_task(task):
            if isinstance(found, str):
                io.say(f"  {found}")
            else:
                task = found
    except KeyboardInterrupt:
        io.say("it continues; `pvdify backups` shows its outcome")
        return DETACHED
    if as_json:
        io.show_json(task)
    elif task.state == "succeeded":
        done = {"backup": "was made", "verify": "was restored and is whole", "restore": "was restored"}[task.kind]
        io.show(f"the backup {task.backup} {done}")
    else:
        io.say(f"the {task.kind} {'was interrupted' if task.state == 'interrupted' else 'failed'}: {task.cause}")
    return DONE if task.state == "succeeded" else FAILED


@command("backups", run=run_list, example="pvdify backups\npvdify backups 20261130T030000")
@click.argument("backup", required=False)
@click.option("-a", "--app", metavar="APP", help="Only backups that have volumes of this app.")
def backups(*, backup: str | None, app: str | None, as_json: bool) -> ListOptions:
    """Show the backups of the server, or the contents of BACKUP.

    A backup counts only after a test restore: PROVEN AT is when all of it was last restored and compared.
    """
    return ListOptions(backup=backup, app=app, as_json=as_json)


_no_wait = click.option("--no-wait", is_flag=True, help="Return at once; the operation continues.")


@command("backups:run", run=run_run, example="pvdify backups:run")
@_no_wait
def backups_run(*, no_wait: bool, as_json: bool) -> RunOptions:
    """Make a backup now.

    A backup has every volume, a dump of each database service, and the server's data: apps, releases, config and
    secrets. An app without `backup` commands in its manifest is frozen while its last changes are copied; its visitors
    wait meanwhile.
    """
    return RunOptions(is_waiting=not no_wait, as_json=as_json)


@command("backups:verify", run=run_verify, example="pvdify backups:verify")
@click.argument("backup", required=False, default="")
@click.option("--accept-smaller", is_flag=True, help="Accept much less data than in the last proven backup.")
@_no_wait
def backups_verify(*, backup: str, accept_smaller: bool, no_wait: bool, as_json: bool) -> VerifyOptions:
    """Restore a backup into scratch directories, and compare it.

    Default: the newest backup. The command counts files, bytes and rows of SQLite databases, checks databases, and
    decrypts the server's own data with the keys in the backup. Live data is not changed. The exit code is 1 if
    anything differs.
    """
    return VerifyOptions(backup=backup, accepts_smaller=accept_smaller, is_waiting=not no_wait, as_json=as_json)


def target_facts(target: BackupTarget, io: Io) -> str:
    """Return the facts about the target and its schedule."""
    zone = "" if target.time_zone == "UTC" else f" {target.time_zone}"
    keep = f"{target.keep_daily} daily, {target.keep_weekly} weekly, {target.keep_monthly} monthly"
    return facts(
        (
            ("target", target.location),
            ("size", size(target.size) if target.size is not None else ""),
            (
                "backups",
                f"{target.schedule}{zone}, next {moment(target.next_backup_at, io)}" if target.schedule else "never",
            ),
            ("drills", f"{target.drills}{zone}, next {moment(target.next_drill_at, io)}" if target.drills else "never"),
            ("kept", keep),
            ("trouble", target.trouble),
        )
    )


def _row(it: Backup, io: Io) -> tuple[str, ...]:
    note = "; ".join(it.problems) or it.cause
    proven = moment(it.proven_at, io) if it.proven_at else ""
    return it.id, moment(it.made_at, io), it.state, str(len(it.items)), size(it.bytes), proven, note


def _one(it: Backup, io: Io) -> str:
    rows = [
        (
            item.kind, item.app, item.name, "" if item.files is None else str(item.files),
            "" if item.bytes is None else size(item.bytes), "" if item.rows is None else str(item.rows),
            f"{item.held:.2f}s" if item.held else "", item.problem,
        )
        for item in it.items
    ]  # fmt: skip
    head = facts(
        (
            ("backup", it.id),
            ("made", f"{moment(it.made_at, io)} by {it.made_by}"),
            ("state", f"{it.state}: {it.cause}" if it.cause else it.state),
            (
                "proven",
                moment(it.proven_at, io) if it.proven_at else "never" if not it.problems else "; ".join(it.problems),
            ),
        )
    )
    headers = ("KIND", "APP", "NAME", "FILES", "SIZE", "ROWS", "STOOD STILL", "PROBLEM")
    return f"{head}\n\n{table(headers, rows, least=('PROBLEM',))}"
