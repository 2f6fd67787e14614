"""Response types about services."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ServiceLink:
    """An app that has access to a service.

    ``variable``: the name of the config var with the URL; ``hostname``: the service's name in the app's private
    network.
    """

    app: str
    variable: str
    hostname: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service.

    ``state``: ``starting``, ``live``, ``down``, ``upgrading`` or ``trash``; ``problem`` says why it is down. ``doing``:
    the action in progress, ``restart``, ``rotate``, ``upgrade``, ``destroy`` or ``copy``, or empty; ``failure``: why
    the last action failed. ``url``: its form, without the password. ``variables`` (the names in its environment),
    ``size`` (bytes of its volume) and ``memory_used`` are only in the answer about one service; in a list they are
    empty and null. ``owner``: the preview that it was created for. ``deleted_at``: when a service in the trash is
    deleted for good.
    """

    name: str
    kind: str
    image: str
    digest: str
    state: str
    since: datetime
    problem: str
    doing: str
    failure: str
    port: int
    volume: str
    url: str
    memory: int
    links: list[ServiceLink]
    variables: list[str]
    size: int | None
    memory_used: int | None
    owner: str
    created_at: datetime
    created_by: str
    trashed_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ServicePlan:
    """What an upgrade would do.

    ``how``: one sentence per step, in order; ``apps``: the apps that cannot reach the service meanwhile.
    """

    service: str
    image: str
    new_image: str
    apps: list[str]
    size: int | None
    how: list[str]


@dataclass(frozen=True, kw_only=True)
class ServiceLines:
    """The last lines that a service wrote."""

    lines: list[str]
