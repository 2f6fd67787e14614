"""Response types about config vars, and about the recipients of the files they are stored in."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ConfigVar:
    """A config var: ``{"value": …}``, or ``{"secret": true}`` without the value.

    ``service``: the service whose URL it is; null for the app's own.
    """

    value: str | None = None
    secret: bool = False
    service: str | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """An app's config. ``live_version``: the version of the live release.

    GET and PATCH /apps/{app}/config answer with ``vars`` alone; with ``?versions=1``, they answer with all fields. The
    headers ``X-Config-Version`` and ``X-Live-Config-Version`` contain the versions, too.
    """

    version: int
    live_version: int | None
    vars: dict[str, ConfigVar]


@dataclass(frozen=True, kw_only=True)
class ConfigVersion:
    """One change of the config. ``set`` and ``unset`` are names; values are never included."""

    version: int
    created_at: datetime
    created_by: str
    set: list[str]
    unset: list[str]


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A config version as the text of a SOPS file."""

    version: int
    content: str


@dataclass(frozen=True, kw_only=True)
class ImportedConfig:
    """The changes made by an imported file or by an older version. Without a change, ``version`` is the newest one."""

    version: int
    live_version: int | None
    set: list[str]
    unset: list[str]


@dataclass(frozen=True, kw_only=True)
class CopiedConfig:
    """The config vars that were copied.

    ``left_out``: secrets that were not copied. Without a change, ``version`` is the newest one.
    """

    version: int
    live_version: int | None
    set: list[str]
    left_out: list[str]


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A person or server whose key decrypts the config files; ``key`` is the public key."""

    name: str
    key: str


@dataclass(frozen=True, kw_only=True)
class Reencrypted:
    """The result of encrypting the config files again: their number and the recipients, the server itself first."""

    files: int
    recipients: list[Recipient]
