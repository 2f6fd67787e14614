"""Labels: how containers are known, whatever they are called and whoever else uses the same podman."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pvdify.model.instance import InstanceSpec, Role

PREFIX = "io.pvdify."
SERVER, NAME, APP = PREFIX + "server", PREFIX + "name", PREFIX + "app"


def network_of(server: str, app: str) -> str:
    """What the app's network is called: several servers share one podman."""
    return f"pvdify-{server}-{app}"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a container's labels say it is."""

    server: str
    name: str
    app: str
    process: str
    slot: int
    number: int
    role: Role
    operation: str
    host_port: int | None

    @classmethod
    def of(cls, spec: InstanceSpec, server: str) -> Self:
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
            host_port=spec.host_port,
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
                host_port=int(labels[PREFIX + "port"]) if labels[PREFIX + "port"] else None,
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
            PREFIX + "port": str(self.host_port or ""),
        }
