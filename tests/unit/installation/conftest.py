import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pvdify.cli.io import Io
from pvdify.installation.layout import Layout
from pvdify.installation.machine import Machine
from pvdify.settings import load
from tests.fakes.systemctl import FakeSystemctl


@dataclass
class Site:
    """A machine in a folder: its files are real, its systemd is a fake."""

    folder: Path
    stdout: io.StringIO = field(default_factory=io.StringIO)
    stderr: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.systemctl = FakeSystemctl(folder=self.folder / "units")
        self.machine = Machine(runner=self.systemctl)
        self.io = Io(stdin=io.StringIO(), stdout=self.stdout, stderr=self.stderr)

    def layout(self, **settings: str) -> Layout:
        wanted = {"data_dir": str(self.folder / "var"), "base_domain": "apps.example.com", **settings}
        return Layout(
            settings=load(wanted, {}, self.folder / "none.toml"),
            router_binary=Path("/opt/pvdify/bin/haproxy"),
            settings_file=self.folder / "etc" / "pvdifyd.toml",
            package=self.folder / "package.py",
            unit_dir=self.folder / "units",
            journald_dir=self.folder / "journald.conf.d",
            commands_dir=self.folder / "bin",
            has_router_user=True,
        )

    def grow_older(self) -> None:
        """Make all files and units a minute older."""
        self.systemctl.grow_older(60)
        for file in self.folder.rglob("*"):
            if file.is_file() and not file.is_symlink():
                os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 60))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(folder=tmp_path)
