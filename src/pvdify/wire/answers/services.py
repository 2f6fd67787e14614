"""What one gets back about services."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class ServiceLink:
    """An app that may reach a service. ``variable``: what the URL is called in the app's environment.

    ``hostname``: what the app calls the service in its private network.
    """

    app: str
    variable: str
    hostname: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service.

    ``state``: ``starting``, ``live``, ``down``, ``upgrading`` or ``trash``; ``problem`` says why it is down.
    ``doing``: ``restart``, ``rotate``, ``upgrade``, ``destroy`` or ``copy`` while that is under way, else empty;
    ``failure``: why the last of these was not done. ``url``: its shape, without the password. ``variables``: the names
    in its environment, and ``size`` (bytes of its volume) and ``memory_used`` are known for one service alone: in a
    list they are empty and null. ``owner``: the preview that it was made for. ``deleted_at``: when one in the trash is
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
    """What an upgrade would do. ``how``: one sentence per step, in order; ``apps``: who is without the service then."""

    service: str
    image: str
    new_image: str
    apps: list[str]
    size: int | None
    how: list[str]


@dataclass(frozen=True, kw_only=True)
class ServiceLines:
    """What a service wrote last."""

    lines: list[str]
