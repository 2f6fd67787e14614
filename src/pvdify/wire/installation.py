"""Orders from the command line to the installation program on this machine; ``do`` names the order."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Install:
    """Install or upgrade the server on this machine. ``settings``: names and values for its settings file."""

    do: str = "install"
    settings: dict[str, str] = field(default_factory=dict)
    is_upgrade: bool = False
    is_dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Uninstall:
    """Remove the server from this machine. ``is_purging``: delete its data, too."""

    do: str = "uninstall"
    is_purging: bool = False
    is_confirmed: bool = False
    is_dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class BackUp:
    """Write the server's records into one file. ``with_keys``: include the keys that decrypt its secrets."""

    do: str = "backup"
    file: str
    with_keys: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Restore:
    """Restore the server's records from a backup. ``is_replacing``: also if there are apps on this server.

    ``file``: a file that ``server backup`` wrote, or the backup target; ``backup``: the id of a backup at the target,
    "" for the newest.
    """

    do: str = "restore"
    file: str
    backup: str = ""
    is_replacing: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckMachine:
    """Check whether the server can run on this machine, or runs well."""

    do: str = "doctor"
    as_json: bool = False


Order = Install | Uninstall | BackUp | Restore | CheckMachine
ORDERS: dict[str, type[Order]] = {
    "install": Install,
    "uninstall": Uninstall,
    "backup": BackUp,
    "restore": Restore,
    "doctor": CheckMachine,
}
