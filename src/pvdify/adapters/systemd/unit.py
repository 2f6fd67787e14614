"""The text of an instance's unit; pure, so that equal instances have equal units.

The text contains no config var: config vars are in the instance's directory on tmpfs. systemd 219 knows every setting
that is always written.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from pvdify.model.endpoint import NO_ROUTE, Endpoint, NoRoute
from pvdify.model.instance import InstanceSpec, Role
from pvdify.plumbing.containers import Launch

FIRST_PAUSE = 1  # seconds before a restart; the keeper waits longer after repeated exits
LONGEST_PAUSE = 60  # seconds before a restart at most
START_SECONDS = 180  # for the container to start, after the longest pause
STOP_SECONDS = 60  # after the grace, to kill and remove what still runs
UNLIMITED_LOG_SINCE = 240  # the first systemd that can lift the log rate limit per unit, not only in journald.conf
WIDTH = 110  # characters of a line
EARLIER_HOST = "127.0.0.1"  # the endpoint's host in units from before the unit named it
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@+")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The identity of a unit, stored in its ``[X-Pvdify]`` section. The container's labels have the same facts."""

    server: str
    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role
    operation: str
    endpoint: Endpoint | NoRoute
    database: str = ""


def build(
    spec: InstanceSpec, launch: Launch, server: str, keeper: Path, *, version: int, database: str = ""
) -> str:  # fmt: skip
    """Return the unit's text.

    ``keeper``: the script that counts restarts, waits between them and records exits; ``version``: systemd's.
    """
    sections = (_unit(spec), _service(spec, launch, keeper, version), _mark(spec, server, database))
    return "# Written by pvdifyd, and again at each boot; changes are overwritten.\n" + "\n".join(sections)


def read_mark(text: str) -> Mark | None:
    """Return the identity in a unit's text; None if pvdify did not write the unit."""
    _, _, section = text.partition("[X-Pvdify]\n")
    said = dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
    try:
        return Mark(
            server=said["Server"], name=said["Name"], app=said["App"], process=said["Process"],
            slot=int(said["Slot"]), number=int(said["Number"]), role=Role(said["Role"]), operation=said["Operation"],
            endpoint=Endpoint(said.get("Host") or EARLIER_HOST, int(said["Port"])) if said["Port"] else NO_ROUTE,
            database=said.get("Database", ""),
        )  # fmt: skip
    except (KeyError, ValueError):
        return None


def _unit(spec: InstanceSpec) -> str:
    return f"""\
[Unit]
Description=pvdify {spec.app} {spec.process}.{spec.number} v{spec.slot}
"""


def _service(spec: InstanceSpec, launch: Launch, keeper: Path, version: int) -> str:
    def kept(verb: str, *arguments: str) -> str:
        return command("/bin/sh", str(keeper), verb, *arguments)

    is_kept_running = spec.role.is_kept_running
    restart = ("Restart=always", f"RestartSec={FIRST_PAUSE}") if is_kept_running else ("Restart=no",)
    quota = ("LogRateLimitIntervalSec=0",) if version >= UNLIMITED_LOG_SINCE else ()
    return "\n".join(
        (
            "[Service]",
            "Type=notify",
            "NotifyAccess=all",
            f"WorkingDirectory={launch.directory}",
            f"ExecStartPre={kept('before', str(launch.id_file), str(launch.restarts_file), *launch.remove)}",
            *(f"ExecStartPre={command(*argv)}" for argv in launch.before),
            *(f"ExecStartPre=-{kept('try', *argv)}" for argv in (launch.make_network, *launch.make_private_networks)),
            f"ExecStart={kept('start', *launch.run)}",
            f"ExecStartPost=-{kept('started')}",
            f"ExecStartPost=-{command(*launch.after)}",
            f"ExecStop=-{kept('end', *launch.end_processes)}",
            f"ExecStop=-{kept('stop', *launch.stop)}",
            f"ExecStopPost=-{kept('ended', str(launch.id_file), str(launch.memory_mark), *launch.exit_code)}",
            f"ExecStopPost=-{command(*launch.after)}",
            *restart,
            "StartLimitInterval=0",
            f"TimeoutStartSec={LONGEST_PAUSE + START_SECONDS}",
            f"TimeoutStopSec={math.ceil(spec.stop_timeout) + STOP_SECONDS}",
            "SuccessExitStatus=143",
            "KillMode=mixed",
            "LimitCORE=0",  # a core dump would write the program's memory, with its secrets, to a disk
            *quota,
            "",
        )
    )


def _mark(spec: InstanceSpec, server: str, database: str) -> str:
    return f"""\
[X-Pvdify]
Server={server}
Name={spec.name}
App={spec.app}
Process={spec.process}
Slot={spec.slot}
Number={spec.number}
Role={spec.role.value}
Operation={spec.operation}
Host={"" if spec.exposed is NO_ROUTE else spec.exposed.at.host}
Port={"" if spec.exposed is NO_ROUTE else spec.exposed.at.port}
{f"Database={database}{chr(10)}" if database else ""}"""


def command(*argv: str) -> str:
    """Return an argument tuple in systemd's syntax: quoted, and with ``%`` and ``$`` doubled.

    Breaks long commands into several lines, since old versions read only 2,048 characters of a line.
    """
    lines = [""]
    for word in map(_quoted, argv):
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n    ".join(lines)


def _quoted(word: str) -> str:
    escaped = word.replace("%", "%%").replace("$", "$$")
    if escaped and set(escaped) <= _PLAIN:
        return escaped
    inside = (
        escaped.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    )
    return f'"{inside}"'
