"""Actions on the machine's users, and on directories that they may read."""

import stat
from dataclasses import dataclass
from pathlib import Path

from pvdify.errors import InstallationFailed
from pvdify.installation.actions import Action
from pvdify.installation.machine import Machine

IN_USE = 8  # exit code of userdel if the user has processes
SHARED = 0o2750  # setgid: new files get the directory's group


@dataclass(frozen=True, kw_only=True)
class AddUser(Action):
    """Add a system user with a group of the same name, without a home directory and without a login."""

    name: str

    def describe(self) -> str:
        """See Action."""
        return f"add the user {self.name}"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return machine.ask(("id", "-u", self.name)).exit_code == 0

    def apply(self, machine: Machine) -> None:
        """See Action."""
        options = (
            "--system",
            "--user-group",
            "--no-create-home",
            "--home-dir",
            "/nonexistent",
            "--shell",
            "/usr/sbin/nologin",
        )
        machine.must(("useradd", *options, self.name))


@dataclass(frozen=True, kw_only=True)
class RemoveUser(Action):
    """Remove the user, unless it still has processes, such as a router that answers its last requests."""

    name: str

    def describe(self) -> str:
        """See Action."""
        return f"remove the user {self.name}"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        return machine.ask(("id", "-u", self.name)).exit_code != 0

    def apply(self, machine: Machine) -> None:
        """See Action."""
        done = machine.ask(("userdel", self.name))
        if done.exit_code not in (0, IN_USE):
            raise InstallationFailed(
                f"cannot {self.describe()}", why=done.stderr.strip(), next="correct that and run the same command again"
            )


@dataclass(frozen=True, kw_only=True)
class ShareDirectory(Action):
    """Create a directory that root can write and a group can read."""

    path: Path
    group: str

    def describe(self) -> str:
        """See Action."""
        return f"make {self.path} (mode {SHARED:04o}, group {self.group})"

    def is_done(self, machine: Machine) -> bool:
        """See Action."""
        if not self.path.is_dir():
            return False
        found = self.path.stat()
        group = machine.ask(("id", "-g", self.group)).stdout.strip()
        return (stat.S_IMODE(found.st_mode), str(found.st_gid)) == (SHARED, group)

    def apply(self, machine: Machine) -> None:
        """See Action."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        machine.must(("chgrp", self.group, str(self.path)))
        self.path.chmod(SHARED)
