"""What the command line has the installation program do on this machine; ``do`` names it."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Install:
    """Have the server run here, or upgrade it. ``settings``: what its settings file is to say, name -> text."""

    do: str = "install"
    settings: dict[str, str] = field(default_factory=dict)
    is_upgrade: bool = False
    is_dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Uninstall:
    """Take the server off this machine. ``is_purging``: with all that it knows."""

    do: str = "uninstall"
    is_purging: bool = False
    is_confirmed: bool = False
    is_dry_run: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class BackUp:
    """Write all that the server knows into one file. ``with_keys``: with what opens the secrets in it."""

    do: str = "backup"
    file: str
    with_keys: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class Restore:
    """Have the server here know what a backup says. ``is_replacing``: also instead of the apps that are here.

    ``file``: what ``server backup`` wrote, or the target of backups; ``backup``: the id of one there, "": the newest.
    """

    do: str = "restore"
    file: str
    backup: str = ""
    is_replacing: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckMachine:
    """Look whether the server can run here, or runs well."""

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
