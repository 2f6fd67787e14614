"""``pvdify backups:target`` and ``backups:schedule``: set the target and the schedule of backups."""

from dataclasses import dataclass

import click

from pvdify.cli.command import command
from pvdify.cli.commands.backups import target_facts
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, typed
from pvdify.cli.parameters import WholeNumber
from pvdify.client.api import Client
from pvdify.wire.requests import ScheduleBackups, SetBackupTarget

S3_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SSH_KEY, PEM = "SSH_PRIVATE_KEY", "-----BEGIN"


@dataclass(frozen=True, kw_only=True)
class TargetOptions:
    """Options of ``pvdify backups:target``. The credentials are read from stdin."""

    location: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ScheduleOptions:
    """Options of ``pvdify backups:schedule``; None means no change."""

    wanted: ScheduleBackups
    as_json: bool


def run_target(options: TargetOptions, client: Client, io: Io) -> int:
    """Set the target of backups."""
    target = client.set_backup_target(SetBackupTarget(location=options.location, keys=read_keys(options.location, io)))
    if options.as_json:
        io.show_json(target)
    else:
        io.show(target_facts(target, io))
    if target.password is not None:
        if not options.as_json:
            io.show(f"\npassword   {target.password}")
        io.say("write the password down, away from this server: it is shown this once, and after a loss of the server")
        io.say("nothing opens the backups without it. It is kept here, encrypted, for making them.")
    io.say("next: pvdify backups:run")
    return DONE


def run_schedule(options: ScheduleOptions, client: Client, io: Io) -> int:
    """Change the schedule of backups."""
    target = client.schedule_backups(options.wanted)
    if options.as_json:
        io.show_json(target)
    else:
        io.show(target_facts(target, io))
    return DONE


def read_keys(location: str, io: Io) -> dict[str, str]:
    """Read the target's credentials from stdin: lines NAME=VALUE or an SSH key.

    At a terminal, ask for the keys of S3.
    """
    if io.is_stdin_terminal:
        return {name: io.ask_secret(f"{name}: ") for name in S3_KEYS} if location.startswith("s3:") else {}
    return parse_keys(typed(io.stdin.read))


def parse_keys(text: str) -> dict[str, str]:
    """Parse lines NAME=VALUE, and an SSH private key as in its file. Raises click.UsageError."""
    before, pem, key = text.partition(PEM)
    keys = {SSH_KEY: f"{pem}{key}"} if pem else {}
    for line in before.splitlines():
        name, equals, value = line.partition("=")
        if line.strip() and not line.startswith("#"):
            if not equals:
                raise click.UsageError("stdin: expected lines like AWS_ACCESS_KEY_ID=…, or an SSH private key")
            keys[name.strip()] = value.strip()
    return keys


@command(
    "backups:target",
    run=run_target,
    example="pvdify backups:target sftp:backup@example.com:/srv/pvdify < id_ed25519\n"
    'printf \'AWS_ACCESS_KEY_ID=%s\\nAWS_SECRET_ACCESS_KEY=%s\\n\' "$ID" "$SECRET" | \\\n'
    "  pvdify backups:target s3:https://s3.example.com/my-backups\n"
    "pvdify backups:target /mnt/nas/pvdify",
)
@click.argument("location", metavar="LOCATION")
def backups_target(*, location: str, as_json: bool) -> TargetOptions:
    """Set the target of backups.

    LOCATION is a directory (of a mounted disk), sftp:USER@HOST:/PATH or s3:https://HOST/BUCKET. Its credentials are
    read from stdin and stored encrypted: lines AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…, or an SSH private key.

    Everything is encrypted before it leaves the server. The command creates the password and shows it once. If LOCATION
    has backups already, pass their password as a line RESTIC_PASSWORD=…. pvdify then makes a backup each night and
    verifies one each week: `pvdify backups:schedule` changes that.
    """
    return TargetOptions(location=location, as_json=as_json)


@command(
    "backups:schedule", run=run_schedule, example='pvdify backups:schedule "0 3 * * *" --drills "0 5 * * 0" --daily 14'
)
@click.argument("schedule", required=False)
@click.option("--drills", metavar="CRON", help='When the newest backup is verified; "none" for never.')
@click.option("--time-zone", metavar="ZONE", help="Such as Europe/Berlin; default: unchanged, at first UTC.")
@click.option("--daily", type=WholeNumber(1, 1000), help="Keep the newest of this many days.")
@click.option("--weekly", type=WholeNumber(0, 1000), help="Keep the newest of this many weeks.")
@click.option("--monthly", type=WholeNumber(0, 1000), help="Keep the newest of this many months.")
def backups_schedule(
    *, schedule: str | None, drills: str | None, time_zone: str | None, daily: int | None, weekly: int | None,
    monthly: int | None, as_json: bool,
) -> ScheduleOptions:  # fmt: skip
    """Set the schedules of backups, and how many are kept.

    SCHEDULE is five cron fields, or "none". Omitted options stay unchanged. The newest backup and the newest proven one
    are always kept.
    """
    wanted = ScheduleBackups(
        schedule=schedule, drills=drills, time_zone=time_zone, keep_daily=daily, keep_weekly=weekly,
        keep_monthly=monthly,
    )  # fmt: skip
    return ScheduleOptions(wanted=wanted, as_json=as_json)
