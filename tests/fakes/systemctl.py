"""systemd behind its own command, in memory: units have files, run or not, and are enabled or not. Users, too."""

import os
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.plumbing.command_runner import Argv, Completed


@dataclass
class Unit:
    """What systemd has in mind; ``read``: the file's text when it last read it."""

    is_active: bool = False
    is_failing: bool = False
    is_enabled: bool = False
    began: float = 0.0
    read: str | None = None


@dataclass
class FakeSystemctl:
    """A command runner that knows ``systemctl``, and what adds users. What is started is younger than every file."""

    folder: Path
    units: dict[str, Unit] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    ran: list[Argv] = field(default_factory=list)
    users: set[str] = field(default_factory=set)

    async def run(
        self,
        argv: Argv,
        *,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        timeout: float = 60.0,
    ) -> Completed:
        if argv[0] in ("id", "useradd", "userdel", "chgrp"):
            return self._of_users(argv)
        assert argv[0] == "systemctl", argv
        verb, *rest = argv[1:]
        name = next((word for word in rest if not word.startswith("--")), "")
        if verb == "show":
            return Completed(argv=argv, exit_code=0, stdout=self._show(name), stderr="")
        self.ran.append(argv[1:])
        if f"{verb} {name}" in self.failing:
            return Completed(argv=argv, exit_code=1, stdout="", stderr=self.failing[f"{verb} {name}"])
        self._do(verb, name)
        return Completed(argv=argv, exit_code=0, stdout="", stderr="")

    def stream(self, argv: Argv) -> AbstractAsyncContextManager[object]:
        raise NotImplementedError("systemctl ends")

    def grow_older(self, seconds: float) -> None:
        """Make all units and files this many seconds older."""
        for unit in self.units.values():
            unit.began -= seconds

    def unit(self, name: str) -> Unit:
        """The unit; a unit that is named for the first time is read from its file."""
        if name not in self.units:
            self.units[name] = Unit(read=self._file(name))
        return self.units[name]

    def _of_users(self, argv: Argv) -> Completed:
        """Each user has the group of this process, so that files need no change."""
        program, user = argv[0], argv[1] if argv[0] == "chgrp" else argv[-1]
        is_known = user in self.users
        if program == "useradd":
            self.users.add(user)
        if program == "userdel":
            self.users.discard(user)
        code = 0 if is_known != (program == "useradd") else 1
        return Completed(argv=argv, exit_code=code, stdout=f"{os.getgid()}\n" if program == "id" else "", stderr="")

    def _do(self, verb: str, name: str) -> None:
        if verb == "daemon-reload":
            for known, unit in self.units.items():
                unit.read = self._file(known)
            return
        unit = self.unit(name)
        if verb in ("enable", "disable"):
            unit.is_enabled = verb == "enable"
        if verb in ("start", "restart", "stop"):
            unit.is_active, unit.is_failing = verb != "stop", False
            unit.began = time.monotonic() + 0.1 if unit.is_active else unit.began

    def _show(self, name: str) -> str:
        unit = self.unit(name)
        said = {
            "LoadState": "loaded" if unit.read is not None else "not-found",
            "ActiveState": "activating" if unit.is_failing else "active" if unit.is_active else "inactive",
            "UnitFileState": "enabled" if unit.is_enabled else "disabled",
            "NeedDaemonReload": "yes" if unit.read != self._file(name) else "no",
            "InactiveExitTimestampMonotonic": str(int(unit.began * 1e6)),
        }
        return "".join(f"{key}={value}\n" for key, value in said.items())

    def _file(self, name: str) -> str | None:
        file = self.folder / name
        return file.read_text() if file.exists() else None
