"""``pvdify doctor``: print the checks, and the command that repairs each problem."""

import os

from pvdify import settings
from pvdify.cli import output
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.io import Io
from pvdify.installation import from_github
from pvdify.installation.doctor import cluster, public_url, running_server
from pvdify.installation.doctor.judgements import judge
from pvdify.installation.doctor.observe import observe
from pvdify.installation.machine import Machine
from pvdify.settings import DEFAULT_FILE, Settings
from pvdify.wire.answers import Check
from pvdify.wire.installation import CheckMachine


def run(order: CheckMachine, machine: Machine, io: Io) -> int:
    """Run all checks and print them; return the exit code, 1 if a check is broken. Raises InvalidSetting."""
    here = settings.load({}, os.environ, DEFAULT_FILE)
    of_server = running_server.checks(here.socket_path)
    if of_server and of_server[0].state == "ok":
        of_server = (*of_server, public_url.check(here))
    found = (*checks(machine, here), *of_server)
    broken = [check.name for check in found if check.state == "broken"]
    if order.as_json:
        lines = from_github.lines(here) if of_server else ()
        io.show_json({"is_ready": not broken, "checks": found, "github": lines})
        return FAILED if broken else DONE
    io.show(output.checks(found))
    io.say(_verdict(found), style="error" if broken else "good")
    if of_server:
        from_github.show(here, io)
    return FAILED if broken else DONE


def checks(machine: Machine, wanted: Settings) -> tuple[Check, ...]:
    """Observe this machine, and the cluster if the settings name one, and return the checks."""
    return (*judge(observe(machine, wanted)), *cluster.checks(wanted, machine))


def _verdict(found: tuple[Check, ...]) -> str:
    broken, warnings = (sum(1 for check in found if check.state == state) for state in ("broken", "warning"))
    if broken:
        return f"pvdify cannot run here yet: {broken} to repair" + (f", {warnings} to check" if warnings else "")
    return "pvdify can run here" + (f"; {warnings} to check" if warnings else "")
