"""The interface of an action on a machine, and the actions on files.

Every action is a plain value. Applying an action twice equals applying it once, so the same command continues an
installation that was interrupted.
"""

import re
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pvdify.adapters.files.whole_file import write_whole
from pvdify.installation.machine import Machine

SERVER_ID = re.compile("[0-9a-f]{10}")


class Action(Protocol):
    """One change to a machine."""

    @property
    def touches(self) -> tuple[Path, ...]:
        """Return the files that this action writes or removes."""
        return ()

    @property
    def follows(self) -> tuple[Path, ...]:
        """Return the files whose change makes this action due again."""
        return ()

    def describe(self) -> str:
        """Return a description of the action, in the imperative."""
        ...

    def is_done(self, machine: Machine) -> bool:
        """Return whether the machine is already in the resulting state. Raises InstallationFailed, OSError."""
        ...

    def apply(self, machine: Machine) -> None:
        """Carry out the action. Raises InstallationFailed, OSError."""
        ...


@dataclass(frozen=True, kw_only=True)
class MakeDirectory(Action):
    """Create a directory with this mode; keep its contents."""

    path: Path
    mode: int

    def describe(self) -> str:
        """See Action."""
        return f"make {self.path} (mode {self.mode:04o})"

    def is_done(self, _machine: Machine) -> bool:
        """See Action."""
        return self.path.is_dir() and _mode(self.path) == self.mode

    def apply(self, _machine: Machine) -> None:
        """See Action."""
        self.path.mkdir(mode=self.mode, parents=True, exist_ok=True)
        self.path.chmod(self.mode)


@dataclass(frozen=True, kw_only=True)
class WriteFile(Action):
    """Write a file with this content and mode."""

    path: Path
    mode: int
    content: str = field(repr=False)

    @property
    def touches(self) -> tuple[Path, ...]:
        """See Action."""
        return (self.path,)

    def describe(self) -> str:
        """See Action."""
        return f"write {self.path} (mode {self.mode:04o})"

    def is_done(self, _machine: Machine) -> bool:
        """See Action."""
        return self.path.is_file() and _mode(self.path) == self.mode and self.path.read_bytes() == self.content.encode()

    def apply(self, _machine: Machine) -> None:
        """See Action."""
        _make_parents(self.path)
        write_whole(self.path, self.content.encode(), self.mode)
        self.path.chmod(self.mode)  # the umask may have cleared bits


@dataclass(frozen=True, kw_only=True)
class Link(Action):
    """Make a symbolic link. If another file has that path, keep it; the action then counts as done."""

    path: Path
    target: Path

    def describe(self) -> str:
        """See Action."""
        return f"link {self.path} to {self.target}"

    def is_done(self, _machine: Machine) -> bool:
        """See Action."""
        if self.path.is_symlink():
            return self.path.readlink() == self.target
        return self.path.exists()

    def apply(self, _machine: Machine) -> None:
        """See Action."""
        _make_parents(self.path)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(self.target)


@dataclass(frozen=True, kw_only=True)
class Unlink(Action):
    """Remove the symbolic link if it points to this target; keep anything else."""

    path: Path
    target: Path

    def describe(self) -> str:
        """See Action."""
        return f"remove the link {self.path}"

    def is_done(self, _machine: Machine) -> bool:
        """See Action."""
        return not self.path.is_symlink() or self.path.readlink() != self.target

    def apply(self, _machine: Machine) -> None:
        """See Action."""
        self.path.unlink()


@dataclass(frozen=True, kw_only=True)
class Remove(Action):
    """Remove a file, or a directory with its contents."""

    path: Path

    @property
    def touches(self) -> tuple[Path, ...]:
        """See Action."""
        return (self.path,)

    def describe(self) -> str:
        """See Action."""
        return f"remove {self.path}"

    def is_done(self, _machine: Machine) -> bool:
        """See Action."""
        return not self.path.exists() and not self.path.is_symlink()

    def apply(self, _machine: Machine) -> None:
        """See Action."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink()


@dataclass(frozen=True, kw_only=True)
class ClearRunDirectory(Action):
    """Remove a server's sockets and files on tmpfs, config vars in clear included, but not those of other servers."""

    path: Path

    @property
    def touches(self) -> tuple[Path, ...]:
        """See Action."""
        return (self.path,)

    def describe(self) -> str:
        """See Action."""
        return f"remove what is in {self.path}"

    def is_done(self, _machine: Machine) -> bool:
        """See Action."""
        return not self._own()

    def apply(self, _machine: Machine) -> None:
        """See Action. Has to follow RemoveContainers."""
        for each in self._own():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            else:
                each.unlink()

    def _own(self) -> tuple[Path, ...]:
        found = self.path.iterdir() if self.path.is_dir() else ()
        return tuple(sorted(each for each in found if not SERVER_ID.fullmatch(each.name)))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _make_parents(path: Path) -> None:
    for parent in reversed(path.parents):
        if not parent.exists():
            parent.mkdir(mode=0o755)
            parent.chmod(0o755)
