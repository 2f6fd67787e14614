"""Scale: the number of instances of each process, where it differs from the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from pvdify.manifest.definition import Manifest

MOST = 100  # instances of one process, as in the manifest


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A number of instances that was chosen while the manifest had the number ``instead_of``.

    It is valid while the manifest keeps that number: a change of ``count`` in the manifest overrides it.
    """

    count: int
    instead_of: int


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The choices for an app: instances by process, and whether the app is stopped.

    ``changed_by``, ``changed_at``: who made the last choice, and when.
    """

    app: str
    chosen: Mapping[str, Choice] = field(default_factory=dict)
    is_stopped: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None

    def counts(self, manifest: Manifest) -> dict[str, int]:
        """Return how many instances of each process should run with this manifest."""
        return {name: 0 if self.is_stopped else self.count(name, manifest) for name in manifest.processes}

    def count(self, process: str, manifest: Manifest) -> int:
        """Return how many instances a process has when the app is not stopped."""
        declared, choice = manifest.processes[process].count, self.chosen.get(process)
        return choice.count if choice is not None and choice.instead_of == declared else declared

    def after(self, change: "ProcessChange", manifest: Manifest) -> "Scale":
        """Return the scale after the change. A choice equal to the manifest's number is dropped.

        A process that the manifest does not have, as after a deploy without it, is left out.
        """
        chosen = dict(self.chosen)
        for process, count in change.counts.items():
            if process not in manifest.processes:
                continue
            declared = manifest.processes[process].count
            chosen[process] = Choice(count=count, instead_of=declared)
            if count == declared:
                del chosen[process]
        is_stopped = self.is_stopped if change.is_stopped is None else change.is_stopped
        return replace(self, chosen=chosen, is_stopped=is_stopped)


@dataclass(frozen=True, kw_only=True)
class ProcessChange:
    """A change to the running processes.

    ``counts``: the new numbers of instances. ``is_stopped``: stop or start everything. ``restarts``: the processes
    whose instances are replaced by new ones.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    is_stopped: bool | None = None
    restarts: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.is_stopped is not None:
            return "stop" if self.is_stopped else "start"
        return " ".join([*(f"{name}={count}" for name, count in self.counts.items()), *self.restarts])


class Relative(Enum):
    """How a number of instances is given: absolute or relative."""

    SET = "="
    MORE = "+"
    LESS = "-"


@dataclass(frozen=True, kw_only=True)
class RequestedCount:
    """A requested number of instances of a process: ``=3``, ``+1`` or ``-1``."""

    number: int
    how: Relative = Relative.SET

    def applied_to(self, count: int) -> int:
        """Return the new number of instances, from the present one."""
        match self.how:
            case Relative.SET:
                return self.number
            case Relative.MORE:
                return count + self.number
            case Relative.LESS:
                return count - self.number
