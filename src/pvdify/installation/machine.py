"""The machine that pvdify is installed on: run programs, and read the state of systemd units."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.errors import InstallationFailed
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed

PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "InactiveExitTimestampMonotonic")
PATIENCE = 330.0  # seconds; longer than the 300 that systemd allows for the start of pvdifyd


@dataclass(frozen=True, kw_only=True)
class UnitState:
    """The state of a systemd unit.

    ``is_idle``: it neither runs nor waits for a restart. ``is_stale``: its file has changed since systemd read it.
    ``began``: when it was last started, in seconds since the epoch; 0 if it never was.
    """

    is_known: bool = False
    is_active: bool = False
    is_idle: bool = True
    is_enabled: bool = False
    is_stale: bool = False
    began: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Runs programs on this machine, one at a time."""

    runner: CommandRunner

    def ask(self, argv: Argv, *, within: float = 60.0) -> Completed:
        """Run a program and return its result, whatever the exit code.

        Raises RuntimeUnavailable if the program is missing or runs longer than ``within`` seconds.
        """
        return asyncio.run(self.runner.run(argv, timeout=within))

    def must(self, argv: Argv) -> str:
        """Run a program and return its output. Raises InstallationFailed if it fails, RuntimeUnavailable."""
        done = self.ask(argv, within=PATIENCE)
        if done.exit_code != 0:
            raise InstallationFailed(
                f"`{' '.join(argv)}` did not succeed",
                why=done.stderr.strip()[-400:] or f"it ended with {done.exit_code}",
                next=_next_after(argv),
            )
        return done.stdout

    def unit(self, name: str) -> UnitState:
        """Return the state of a unit. Raises InstallationFailed, RuntimeUnavailable."""
        return parse_unit(self.must(show_unit(name)), offset=time.time() - time.monotonic())


def show_unit(name: str) -> Argv:
    """Return the command that prints the properties of a unit."""
    return ("systemctl", "show", name, f"--property={','.join(PROPERTIES)}")


def parse_unit(text: str, *, offset: float) -> UnitState:
    """Parse the output of ``systemctl show``. ``offset``: seconds from the epoch to the monotonic clock's zero."""
    said: Mapping[str, str] = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    began = said.get("InactiveExitTimestampMonotonic", "")
    return UnitState(
        is_known=said.get("LoadState") == "loaded",
        is_active=said.get("ActiveState") in ("active", "reloading"),
        is_idle=said.get("ActiveState", "inactive") in ("inactive", "failed"),
        is_enabled=said.get("UnitFileState") == "enabled",
        is_stale=said.get("NeedDaemonReload") == "yes",
        began=offset + int(began) / 1e6 if began.isdigit() and began != "0" else 0.0,
    )


def _next_after(argv: Argv) -> str:
    if argv[0] == "systemctl" and len(argv) > 2:
        unit = argv[-1]
        return (
            f"`journalctl -u {unit} -n 30` has details; fix it and run the same command again, it continues from here"
        )
    return "fix what it reports and run the same command again; it continues from here"
