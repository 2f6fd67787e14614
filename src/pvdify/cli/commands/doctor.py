"""``pvdify doctor``: check the server's machine, and print the next steps."""

from dataclasses import dataclass

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.installation import hand_over
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.client.target import SOCKET
from pvdify.wire.installation import CheckMachine


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify doctor``."""

    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Check this machine, or print the checks of the server that was named; return 1 if something is broken."""
    if client.target.is_default or client.target.endpoint.url == f"unix://{SOCKET}":
        return hand_over(CheckMachine(as_json=options.as_json), io)
    checks = client.status().checks
    broken = [check for check in checks if check.state == "broken"]
    if options.as_json:
        io.show_json({"is_ready": not broken, "checks": checks})
    else:
        io.show(output.checks(checks))
        io.say(
            f"this is what {client.target.endpoint.url} sees; `pvdify doctor` as root on it checks all of its machine"
        )
    return FAILED if broken else DONE


@command("doctor", run=run, example="sudo pvdify doctor")
def doctor(*, as_json: bool) -> Options:
    """Check the server's machine, and name each fix.

    On the server, before or after `pvdify server install`, checks kernel, systemd, podman (with a test container),
    ports, disk, memory, clock, journal and the router's program; and the cluster, if the settings name one. From
    another machine, shows the checks of pvdifyd.
    The exit code is 1 if something is broken.
    """
    return Options(as_json=as_json)
