"""Labels: how containers are recognized, whatever their names and whatever else uses the same podman."""

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
EARLIER_HOST = "127.0.0.1"  # of containers that were made before there was a label for it
PRIVATE = PREFIX + "private-network"


def volume_of(server: str, id: str) -> str:
    """What podman calls the volume with this id: several servers share one podman."""
    return f"pvdify-{server}-{id}"


def network_of(server: str, app: str) -> str:
    """What the app's network is called: several servers share one podman."""
    return f"pvdify-{server}-{app}"


def private_network_of(server: str, id: str) -> str:
    """What podman calls the network of a link; no app's network has a dot in its name."""
    return f"pvdify-{server}-{id}"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a container's labels say it is. ``database``: the id of the one that it was made with, if it had any."""

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
        """The identity that a container made from this spec gets."""
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
        """What these labels say; None when they are not (all) ours."""
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
        """The labels that say this."""
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
