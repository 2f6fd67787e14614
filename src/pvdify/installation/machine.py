"""This machine as the installation sees it: programs that are run, and units that systemd has."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.errors import InstallationFailed
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed

PROPERTIES = ("LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "InactiveExitTimestampMonotonic")
PATIENCE = 330.0  # seconds; pvdifyd may take 300 of them for its start


@dataclass(frozen=True, kw_only=True)
class UnitState:
    """A unit, as far as it matters here.

    ``is_idle``: it neither runs nor is about to be started again. ``began``: when it was last started, in seconds since
    the epoch.
    """

    is_known: bool = False
    is_active: bool = False
    is_idle: bool = True
    is_enabled: bool = False
    is_stale: bool = False
    began: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Runs one program after another: nothing of an installation happens side by side."""

    runner: CommandRunner

    def ask(self, argv: Argv, *, within: float = 60.0) -> Completed:
        """Run a program, however it ends. Raises RuntimeUnavailable: it is missing, or hangs."""
        return asyncio.run(self.runner.run(argv, timeout=within))

    def must(self, argv: Argv) -> str:
        """Run a program that is to succeed; what it printed. Raises InstallationFailed, RuntimeUnavailable."""
        done = self.ask(argv, within=PATIENCE)
        if done.exit_code != 0:
            raise InstallationFailed(
                f"`{' '.join(argv)}` did not succeed",
                why=done.stderr.strip()[-400:] or f"it ended with {done.exit_code}",
                next=_next_after(argv),
            )
        return done.stdout

    def unit(self, name: str) -> UnitState:
        """What systemd has of this unit. Raises InstallationFailed, RuntimeUnavailable."""
        return parse_unit(self.must(show_unit(name)), offset=time.time() - time.monotonic())


def show_unit(name: str) -> Argv:
    """Ask systemd about a unit."""
    return ("systemctl", "show", name, f"--property={','.join(PROPERTIES)}")


def parse_unit(text: str, *, offset: float) -> UnitState:
    """A unit from ``systemctl show``. ``offset``: from the machine's own clock to the epoch, in seconds."""
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
            f"`journalctl -u {unit} -n 30` says more; correct it, run the same command again, and it goes on from here"
        )
    return "correct what it says and run the same command again, which goes on from here"
