"""The part of the ``store`` port that holds services and their links to apps."""

from pvdify.adapters.sqlite.queries import statements
from pvdify.adapters.sqlite.records import Records
from pvdify.model.service import Service, ServiceLink


class ServiceRecords(Records):
    """The methods of ``SqliteStore`` for services."""

    async def services(self) -> tuple[Service, ...]:
        return await self._all(Service, "services")

    async def service(self, id: str) -> Service | None:
        return next(iter(await self._all(Service, "service", id=id)), None)

    async def forget_service(self, id: str) -> None:
        await self._write([(statements()["forget_service"], {"id": id})])

    async def service_links(self, *, app: str | None = None, service: str | None = None) -> tuple[ServiceLink, ...]:
        return await self._all(ServiceLink, "service_links", app=app, service=service)

    async def forget_service_link(self, service: str, app: str) -> None:
        await self._write([(statements()["forget_service_link"], {"service": service, "app": app})])
