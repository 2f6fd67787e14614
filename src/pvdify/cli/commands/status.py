"""``pvdify status``: show the server's state."""

from dataclasses import dataclass

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.cli.output import checks, facts, size, table
from pvdify.cli.output import status as status_text
from pvdify.client.api import Client
from pvdify.wire.answers import AppStatus, Status
from pvdify.wire.disk import AppDisk

FINE = frozenset({"live", "deploying", "new"})  # the app serves visitors, or has no release to serve yet


_DISK = ("APP", "IMAGES", "DISK", "SHARED WITH OTHERS", "CONTAINERS", "VOLUMES", "LOGS")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify status``."""

    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the server's state, and the commands that repair problems."""
    status = client.status()
    exit_code = DONE if all(it.status in FINE for it in status.app_statuses) else FAILED
    if options.as_json:
        io.show_json(status)
        return exit_code
    io.show(_summary(status, client.target.endpoint.url))
    if status.checks:
        io.show("")
        io.show(checks(status.checks))
    if status.app_statuses:
        io.show("")
        io.show(table(("APP", "STATUS", "SINCE"), (_app_row(it, io) for it in status.app_statuses)))
    if status.disk:
        io.show("")
        io.show(table(_DISK, (_disk_row(it) for it in status.disk)))
    return exit_code


@command("status", run=run, example="pvdify status --json")
def status(*, as_json: bool) -> Options:
    """Show the state of the server and its apps.

    Shows each part with its next step, the status of each app, and its disk space. The exit code is 0 if every app is
    live, deploying or new, and 1 if one is degraded, crashing, down, stopped, held or in maintenance.
    """
    return Options(as_json=as_json)


def _disk_row(it: AppDisk) -> tuple[str, ...]:
    measured = (size(count) if count is not None else "" for count in (it.containers, it.volumes, it.logs))
    return it.app, str(it.images), size(it.bytes), size(it.shared), *measured


def _app_row(it: AppStatus, io: Io) -> tuple[str, str, str]:
    return it.app, status_text(it.status, it.status_cause), moment(it.status_since, io)


def _summary(status: Status, url: str) -> str:
    return facts(
        (
            ("server", url),
            ("version", status.version),
            ("base domain", status.base_domain),
            ("router", status.router_listen),
            ("apps", str(status.apps)),
            ("running", f"{status.running_operations} operation{'' if status.running_operations == 1 else 's'}"),
        )
    )
