"""Request types about apps and their hostnames."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CreateApp:
    """POST /apps."""

    name: str


@dataclass(frozen=True, kw_only=True)
class ChangeApp:
    """PATCH /apps/{app}. ``maintenance``: whether visitors get a 503 page."""

    maintenance: bool


@dataclass(frozen=True, kw_only=True)
class RenameApp:
    """POST /apps/{app}/rename. ``keep_hostname``: the app also keeps the hostname of its old name."""

    name: str
    keep_hostname: bool = False


@dataclass(frozen=True, kw_only=True)
class PauseApp:
    """POST /apps/{app}/pause.

    ``seconds``: the longest time for which new requests are held, unless the app is resumed.
    """

    seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class AddDomain:
    """POST /apps/{app}/domains."""

    hostname: str
