"""The part of the store that holds services and their links to apps."""

from typing import Protocol

from pvdify.model.service import Service, ServiceLink


class ServiceStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def services(self) -> tuple[Service, ...]:
        """Return all services, sorted by name, services in the trash last."""
        ...

    async def service(self, id: str) -> Service | None:
        """Return the service with this id."""
        ...

    async def forget_service(self, id: str) -> None:
        """Delete the record of a service, once its data is removed."""
        ...

    async def service_links(self, *, app: str | None = None, service: str | None = None) -> tuple[ServiceLink, ...]:
        """Return the links of an app, or of the service with this id, or all."""
        ...

    async def forget_service_link(self, service: str, app: str) -> None:
        """Delete a link. Absent is fine."""
        ...
