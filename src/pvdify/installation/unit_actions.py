"""Actions on systemd units."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pvdify.installation.actions import Action
from pvdify.installation.machine import Machine, UnitState


@dataclass(frozen=True, kw_only=True)
class ReadUnits(Action):
    """Make systemd read its unit files again after these files were changed or removed."""

    files: tuple[Path, ...]

    @property
    def follows(self) -> tuple[Path, ...]:
        """See Action."""
        return self.files

    def describe(self) -> str:
        """See Action."""
        return "have systemd read its units"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return not any(machine.unit(file.name).is_stale for file in self.files)

    def apply(self, machine: Machine) -> None:
        """See Action."""
        machine.must(("systemctl", "daemon-reload"))


@dataclass(frozen=True, kw_only=True)
class Enable(Action):
    """Enable the unit: systemd starts it at boot."""

    unit: str

    def describe(self) -> str:
        """See Action."""
        return f"enable {self.unit}"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return machine.unit(self.unit).is_enabled

    def apply(self, machine: Machine) -> None:
        """See Action."""
        machine.must(("systemctl", "enable", "--quiet", self.unit))


@dataclass(frozen=True, kw_only=True)
class Run(Action):
    """Start the unit; restart it if it was started before the files of ``after`` were last written.

    ``stop_first``: another unit to stop before such a restart; this action does not start it again. ``if_active``: skip
    a unit that does not run.
    """

    unit: str
    after: tuple[Path, ...] = ()
    stop_first: str = ""
    if_active: bool = False

    @property
    def follows(self) -> tuple[Path, ...]:
        """See Action."""
        return self.after

    def describe(self) -> str:
        """See Action."""
        return f"(re)start {self.unit}"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        state = machine.unit(self.unit)
        return self._is_current(state) or (self.if_active and not state.is_active)

    def apply(self, machine: Machine) -> None:
        """See Action."""
        if self.stop_first and machine.unit(self.unit).is_active:
            machine.must(("systemctl", "stop", self.stop_first))
        machine.must(("systemctl", "restart", self.unit))

    def _is_current(self, state: UnitState) -> bool:
        return state.is_active and all(_written(file) <= state.began for file in self.after)


@dataclass(frozen=True, kw_only=True)
class Stop(Action):
    """Stop the unit, also if it waits for a restart, and disable it.

    ``ends_all``: also end the processes that the unit leaves running when it stops, and with them open connections.
    """

    unit: str
    ends_all: bool = False

    def describe(self) -> str:
        """See Action."""
        return f"stop and disable {self.unit}"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        state = machine.unit(self.unit)
        return state.is_idle and not state.is_enabled

    def apply(self, machine: Machine) -> None:
        """See Action."""
        state = machine.unit(self.unit)
        if not state.is_idle:
            machine.must(("systemctl", "stop", self.unit))
            if self.ends_all:
                machine.ask(("systemctl", "kill", "--signal=TERM", self.unit))  # fails if no process is left
        if state.is_enabled:
            machine.must(("systemctl", "disable", "--quiet", self.unit))


def _written(file: Path) -> float:
    """Return when the file was last written, in seconds since the epoch; 0 if it does not exist."""
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0
