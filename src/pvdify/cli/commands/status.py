"""``pvdify status``: the server at a glance."""

from dataclasses import dataclass

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.output import facts, size, table
from pvdify.client.api import Client
from pvdify.wire.answers import Status


@dataclass(frozen=True, kw_only=True)
class Options:
    """Nothing but the form of the answer."""

    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the server's state, and what mends what is broken."""
    status = client.status()
    if options.as_json:
        io.show_json(status)
        return DONE
    io.show(_summary(status, client.target.endpoint.url))
    if status.checks:
        io.show("")
        io.show(
            table(("CHECK", "STATE", "FINDING", "NEXT"), ((c.name, c.state, c.text, c.next) for c in status.checks))
        )
    if status.disk:
        io.show("")
        rows = ((it.app, str(it.images), size(it.bytes), size(it.shared)) for it in status.disk)
        io.show(table(("APP", "IMAGES", "DISK", "SHARED WITH OTHERS"), rows))
    return DONE


@command("status", run=run, example="pvdify status --json")
def status(*, as_json: bool) -> Options:
    """Show the server at a glance.

    Its parts and what mends them, and what the images of each app take on its disk.
    """
    return Options(as_json=as_json)


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
