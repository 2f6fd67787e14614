"""Scale: how many instances of each process run, where it was set apart from the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from pvdify.manifest.definition import Manifest

MOST = 100  # instances of one process, as in the manifest


@dataclass(frozen=True, kw_only=True)
class Choice:
    """So many instances of a process, chosen while its manifest said another number.

    It holds for as long as the manifest goes on saying that number: who changes ``count`` there has the last word.
    """

    count: int
    instead_of: int


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What was chosen for an app: counts by process, and whether all of it is stopped meanwhile.

    ``changed_by``, ``changed_at``: who made the last such choice, and when.
    """

    app: str
    chosen: Mapping[str, Choice] = field(default_factory=dict)
    is_stopped: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None

    def counts(self, manifest: Manifest) -> dict[str, int]:
        """How many instances of each process should run with this manifest."""
        return {name: 0 if self.is_stopped else self.count(name, manifest) for name in manifest.processes}

    def count(self, process: str, manifest: Manifest) -> int:
        """How many instances of a process there are when the app is not stopped."""
        declared, choice = manifest.processes[process].count, self.chosen.get(process)
        return choice.count if choice is not None and choice.instead_of == declared else declared

    def after(self, change: "ProcessChange", manifest: Manifest) -> "Scale":
        """The scale once the change is made; a choice of what the manifest says anyway is none."""
        chosen = dict(self.chosen)
        for process, count in change.counts.items():
            declared = manifest.processes[process].count
            chosen[process] = Choice(count=count, instead_of=declared)
            if count == declared:
                del chosen[process]
        is_stopped = self.is_stopped if change.is_stopped is None else change.is_stopped
        return replace(self, chosen=chosen, is_stopped=is_stopped)


@dataclass(frozen=True, kw_only=True)
class ProcessChange:
    """What an operation is to change about the running processes.

    ``counts``: so many instances of these; ``is_stopped``: stop all, or start all again; ``restarts``: new instances
    in place of all of these processes.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    is_stopped: bool | None = None
    restarts: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.is_stopped is not None:
            return "stop" if self.is_stopped else "start"
        return " ".join([*(f"{name}={count}" for name, count in self.counts.items()), *self.restarts])


class Relative(Enum):
    """How a number of instances is meant."""

    SET = "="
    MORE = "+"
    LESS = "-"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """``=3``, ``+1`` or ``-1`` instances of a process."""

    number: int
    how: Relative = Relative.SET

    def applied_to(self, count: int) -> int:
        """The count that is wished for where there are so many now."""
        match self.how:
            case Relative.SET:
                return self.number
            case Relative.MORE:
                return count + self.number
            case Relative.LESS:
                return count - self.number
