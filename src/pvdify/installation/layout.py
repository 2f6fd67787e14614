"""The paths of a server's files on its machine."""

import stat
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pvdify
from pvdify.settings import DEFAULT_FILE, Settings


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The paths of one installation.

    ``scripts``: the directory of ``pvdify`` and ``pvdifyd``. ``package``: a file that each upgrade writes.
    ``router_binary``: the router's program. ``has_router_user``: systemd can confine the router to a user of its own.
    """

    settings: Settings
    router_binary: Path
    settings_file: Path = DEFAULT_FILE
    scripts: Path = Path("/opt/pvdify/bin")
    package: Path = Path("/opt/pvdify")
    unit_dir: Path = Path("/etc/systemd/system")
    journald_dir: Path = Path("/etc/systemd/journald.conf.d")
    commands_dir: Path = Path("/usr/local/bin")
    has_router_user: bool = False

    @property
    def daemon(self) -> Path:
        """The program that pvdifyd's unit starts."""
        return self.scripts / "pvdifyd"

    @property
    def router_dir(self) -> Path:
        """The directory of the router's configuration and maps."""
        return self.settings.data_dir / "router"

    @property
    def journald_drop_in(self) -> Path:
        """The drop-in file with pvdify's settings for journald."""
        return self.journald_dir / "50-pvdify.conf"

    @property
    def admin_token(self) -> Path:
        """The file of the first token. pvdifyd writes the file at its first start."""
        return self.settings.data_dir / "admin.token"


def closed_above(program: Path) -> Path | None:
    """Return the highest directory above a program that other users may not enter; None if they may enter all."""
    found = (each for each in reversed(program.parents) if each.exists())
    return next((each for each in found if not each.stat().st_mode & stat.S_IXOTH), None)


def layout_here(settings: Settings, router_binary: str) -> Layout:
    """Return the layout of the running pvdify."""
    return Layout(
        settings=settings,
        router_binary=Path(router_binary),
        scripts=Path(sysconfig.get_path("scripts")),
        package=Path(pvdify.__file__),
    )
