"""Response types about the container runtime of the server."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class CopiedVolume:
    """A volume that a move copies between the server and the cluster.

    ``size``: bytes; of a volume in the cluster, the bytes that its claim reserves. Null if it is not known, and without
    the parameter ``to``.
    """

    name: str
    size: int | None


@dataclass(frozen=True, kw_only=True)
class RuntimeApp:
    """An app with a live release. ``state``: ``there`` (on the target), ``to move``, ``failed`` (its last move), or
    ``stays`` (it cannot be there at all).

    ``memory``: bytes that its new instances are assumed to need while the old ones still run. ``held``: its volumes
    that one release uses at a time; requests wait in the router while the app is handed over. ``copied``: its volumes
    that are copied meanwhile. ``hold``: the longest that requests wait, in seconds; later ones are answered with 503.
    ``problem``: why it cannot move, or why its last move failed.
    """

    app: str
    runtime: str
    state: str
    instances: list[str]
    memory: int
    held: list[str]
    copied: list[CopiedVolume]
    hold: float
    problem: str


@dataclass(frozen=True, kw_only=True)
class ServerRuntime:
    """The runtime of new releases, and a move of the apps to ``target``.

    ``setting``: the setting ``runtime``, which applies until a runtime is chosen. ``move``: ``moving``, ``settled`` or
    ``canceled``; null before the first choice. ``obstacle``: why no instance can run on the target. ``services``: the
    services on another runtime; each moves when it restarts.
    """

    runtime: str
    setting: str
    target: str
    move: str | None
    chosen_at: datetime | None
    chosen_by: str | None
    obstacle: str
    apps: list[RuntimeApp]
    services: list[str]
