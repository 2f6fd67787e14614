"""``pvdify doctor``: what was found, and for each piece that is missing the command that mends it."""

import os

from pvdify import settings
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.io import Io
from pvdify.cli.output import table
from pvdify.installation.doctor import running_server
from pvdify.installation.doctor.judgements import judge
from pvdify.installation.doctor.observe import observe
from pvdify.installation.machine import Machine
from pvdify.settings import DEFAULT_FILE, Settings
from pvdify.wire.answers import Check
from pvdify.wire.installation import CheckMachine


def run(order: CheckMachine, machine: Machine, io: Io) -> int:
    """Tell of everything; 1 if something is broken. Raises InvalidSetting."""
    here = settings.load({}, os.environ, DEFAULT_FILE)
    found = (*checks(machine, here), *running_server.checks(here.socket_path))
    broken = [check.name for check in found if check.state == "broken"]
    if order.as_json:
        io.show_json({"is_ready": not broken, "checks": found})
        return FAILED if broken else DONE
    io.show(table(("CHECK", "STATE", "FINDING"), ((check.name, check.state, check.text) for check in found)))
    to_do = [(check.name, check.next) for check in found if check.next]
    if to_do:
        io.show("\n" + table(("TO DO", "NEXT"), to_do))
    io.say(_verdict(found), style="error" if broken else "good")
    return FAILED if broken else DONE


def checks(machine: Machine, wanted: Settings) -> tuple[Check, ...]:
    """Everything that was looked at."""
    return judge(observe(machine, wanted))


def _verdict(found: tuple[Check, ...]) -> str:
    broken, warnings = (sum(1 for check in found if check.state == state) for state in ("broken", "warning"))
    if broken:
        return f"pvdify cannot run here yet: {broken} to mend" + (f", {warnings} to look at" if warnings else "")
    return "pvdify can run here" + (f"; {warnings} to look at" if warnings else "")
