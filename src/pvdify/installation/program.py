"""The program of ``python -m pvdify.installation ORDER``: parse the order, carry it out, report failures."""

import json
import os
from collections.abc import Sequence

from pvdify.adapters.subprocess.command_runner import SubprocessRunner
from pvdify.cli.exit_codes import exit_code
from pvdify.cli.io import Io, process_io
from pvdify.cli.main import answered
from pvdify.client.decode import decode
from pvdify.errors import NotRoot, PvdifyError
from pvdify.installation import backing_up, installing, restoring, uninstalling
from pvdify.installation.doctor import report
from pvdify.installation.machine import Machine
from pvdify.wire.installation import ORDERS, BackUp, CheckMachine, Install, Order, Restore


def main(arguments: Sequence[str]) -> int:
    """Carry out the one order, a JSON object of ``wire.installation``; return the exit code."""
    io, order = process_io(os.environ), read_order(arguments[0])
    return answered(lambda: _report(order, io), io)


def _report(order: Order, io: Io) -> int:
    try:
        return _carry_out(order, Machine(runner=SubprocessRunner()), io)
    except PvdifyError as error:
        io.say(error.render(), style="error")
        if order.as_json:
            io.show_json({"error": _for_programs(error)})
        return exit_code(error)


def read_order(text: str) -> Order:
    """Parse the JSON text of an order."""
    said = json.loads(text)
    return decode(ORDERS[said["do"]], said)


def _for_programs(error: PvdifyError) -> dict[str, object]:
    facts = {"code": error.code, "what": error.what, "why": error.why, "next": error.next}
    return {**facts, "problems": error.details.get("problems", [])}


def _carry_out(order: Order, machine: Machine, io: Io) -> int:
    if isinstance(order, CheckMachine):
        return report.run(order, machine, io)
    _be_root(order)
    if isinstance(order, Install):
        return installing.run(order, machine, io)
    if isinstance(order, BackUp):
        return backing_up.run(order, io)
    if isinstance(order, Restore):
        return restoring.run(order, machine, io)
    return uninstalling.run(order, machine, io)


def _be_root(order: Order) -> None:
    if os.geteuid() != 0:
        raise NotRoot(
            f"`pvdify server {order.do}` needs root",
            why="it reads and writes directories of the system, and sends commands to systemd",
            next=f"sudo pvdify server {order.do}",
        )
