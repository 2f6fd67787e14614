"""The part of the journal that holds services and what links apps to them."""

from typing import Protocol

from pvdify.model.service import Service, ServiceLink


class ServiceStore(Protocol):
    """Durable records. Every method raises StoreUnavailable and nothing else."""

    async def services(self) -> tuple[Service, ...]:
        """Return all services by name, those in the trash last."""
        ...

    async def service(self, id: str) -> Service | None:
        """Return one service by its id."""
        ...

    async def forget_service(self, id: str) -> None:
        """Delete the record of a service of which nothing is left."""
        ...

    async def service_links(self, *, app: str | None = None, service: str | None = None) -> tuple[ServiceLink, ...]:
        """Return the links of an app, or of a service by its id, or all."""
        ...

    async def forget_service_link(self, service: str, app: str) -> None:
        """Delete a link; absent is fine."""
        ...
