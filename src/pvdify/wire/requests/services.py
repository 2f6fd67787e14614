"""Request types about services."""

from dataclasses import dataclass, field

from pvdify.wire.requests.processes import Terminal


@dataclass(frozen=True, kw_only=True)
class CreateService:
    """POST /services: create a container with data, outside of releases.

    ``kind``: a kind that pvdify knows; or ``image``, with the ``port`` where it listens and the ``volume`` path whose
    data is kept. ``environment``: more variables; ``{password}`` in a value is replaced by the password that pvdify
    creates. ``memory`` in bytes. ``url``: the form of the URL that apps get, with ``{user}``, ``{password}``,
    ``{database}``, ``{host}`` and ``{port}``.
    """

    name: str
    kind: str | None = None
    image: str | None = None
    port: int | None = None
    volume: str | None = None
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    memory: int | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class UpgradeService:
    """POST /services/{service}/upgrade."""

    image: str


@dataclass(frozen=True, kw_only=True)
class LinkService:
    """PUT /services/{service}/links/{app}.

    ``variable``: the name of the config var with the URL; default: the kind's.
    """

    variable: str | None = None


@dataclass(frozen=True, kw_only=True)
class ConnectService:
    """POST /services/{service}/connect: run its client, or a ``command``, in its container.

    Its output and input are those of a command of /run.
    """

    command: str | list[str] | None = None
    terminal: Terminal | None = None
    raw: list[str] | None = None
