"""What one gets back about config vars, and about who can open the files they are kept in."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ConfigVar:
    """A config var as it may be shown: ``{"value": …}`` or ``{"secret": true}``."""

    value: str | None = None
    secret: bool = False


@dataclass(frozen=True, kw_only=True)
class Config:
    """An app's config. ``live_version``: what the live release runs with.

    GET and PATCH /apps/{app}/config answer with ``vars`` alone, and with all of this for ``?versions=1``. The versions
    are in the headers ``X-Config-Version`` and ``X-Live-Config-Version``, too.
    """

    version: int
    live_version: int | None
    vars: dict[str, ConfigVar]


@dataclass(frozen=True, kw_only=True)
class ConfigVersion:
    """One change of the config: the names, never the values."""

    version: int
    created_at: datetime
    created_by: str
    set: list[str]
    unset: list[str]


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A config version as it is at rest: the text of a SOPS file."""

    version: int
    content: str


@dataclass(frozen=True, kw_only=True)
class ImportedConfig:
    """What an imported file or an older version changed; without any change the version is the newest."""

    version: int
    live_version: int | None
    set: list[str]
    unset: list[str]


@dataclass(frozen=True, kw_only=True)
class CopiedConfig:
    """What was copied; ``left_out``: secrets that were not. Without any change the version is the one there was."""

    version: int
    live_version: int | None
    set: list[str]
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A person or server that can open the config files; ``key`` is the public one."""

    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Reencrypted:
    """The config files were encrypted anew: how many there are, and who opens them now, the server itself first."""

    files: int
    recipients: list[Recipient]
