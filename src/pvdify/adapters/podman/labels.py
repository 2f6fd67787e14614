"""The labels that identify this server's containers, networks and volumes in a podman that others use, too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pvdify.model.endpoint import NO_ROUTE, Endpoint, NoRoute
from pvdify.model.instance import InstanceSpec, Role

PREFIX = "io.pvdify."
SERVER, NAME, APP = PREFIX + "server", PREFIX + "name", PREFIX + "app"
DATABASE = PREFIX + "database"
VOLUME = PREFIX + "volume"
HOST = PREFIX + "host"
EARLIER_HOST = "127.0.0.1"  # the endpoint's host of containers from before the label existed
PRIVATE = PREFIX + "private-network"
DOCTOR = "doctor"  # in the name of the network of `pvdify doctor`, instead of a server's id


def volume_of(server: str, id: str) -> str:
    """Return podman's name for a volume. It contains the server's id, because several servers can share one podman."""
    return f"pvdify-{server}-{id}"


def filler_of(server: str) -> str:
    """Return the name of the container that fills new volumes. App names have no dot, so it is no app's."""
    return f"pvdify-{server}.filler"


def network_of(server: str, app: str) -> str:
    """Return the name of an app's network. It contains the server's id, as several servers can share one podman."""
    return f"pvdify-{server}-{app}"


def private_network_of(server: str, id: str) -> str:
    """Return the name of a link's network. The id has a dot, and app names have none, so the names never collide."""
    return f"pvdify-{server}-{id}"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The identity in a container's labels. ``database``: the id of the database at its creation, "" for none."""

    server: str
    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role
    operation: str
    endpoint: Endpoint | NoRoute
    database: str = ""

    @classmethod
    def of(cls, spec: InstanceSpec, server: str, database: str = "") -> Self:
        """Return the identity of a container made from this spec."""
        return cls(
            server=server,
            name=spec.name,
            app=spec.app,
            process=spec.process,
            slot=spec.slot,
            number=spec.number,
            role=spec.role,
            operation=spec.operation,
            endpoint=NO_ROUTE if spec.exposed is NO_ROUTE else spec.exposed.at,
            database=database,
        )

    @classmethod
    def from_labels(cls, labels: Mapping[str, str]) -> Self | None:
        """Return the identity in these labels; None if one of pvdify's labels is missing or invalid."""
        try:
            return cls(
                server=labels[SERVER],
                name=labels[NAME],
                app=labels[APP],
                process=labels[PREFIX + "process"],
                slot=int(labels[PREFIX + "slot"]),
                number=int(labels[PREFIX + "number"]),
                role=Role(labels[PREFIX + "role"]),
                operation=labels[PREFIX + "operation"],
                endpoint=_endpoint(labels.get(HOST, EARLIER_HOST), labels[PREFIX + "port"]),
                database=labels.get(DATABASE, ""),
            )
        except (KeyError, ValueError):
            return None

    def labels(self) -> dict[str, str]:
        """Return this identity as labels."""
        return {
            SERVER: self.server,
            NAME: self.name,
            APP: self.app,
            PREFIX + "process": self.process,
            PREFIX + "slot": str(self.slot),
            PREFIX + "number": str(self.number),
            PREFIX + "role": self.role.value,
            PREFIX + "operation": self.operation,
            PREFIX + "port": "" if self.endpoint is NO_ROUTE else str(self.endpoint.port),
            **({} if self.endpoint is NO_ROUTE else {HOST: self.endpoint.host}),
            **({DATABASE: self.database} if self.database else {}),
        }


def _endpoint(host: str, port: str) -> Endpoint | NoRoute:
    return Endpoint(host, int(port)) if port else NO_ROUTE
