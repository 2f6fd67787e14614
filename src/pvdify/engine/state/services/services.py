"""Requests about services: create, list, restart, upgrade, rotate, destroy, restore.

A request writes records and wakes the keeper, which does the work. ``Service.pending`` is the order that is not done.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace

from pvdify.engine.world.concurrency import Locks
from pvdify.errors import InvalidError, NotConfirmed, ServiceBusy, ServiceExists, ServiceLinked, ServiceNotFound
from pvdify.manifest.definition import NOT_FOR_VOLUMES
from pvdify.manifest.names import CONFIG_KEY
from pvdify.model.action import Action
from pvdify.model.config import ConfigVar, ConfigVersion
from pvdify.model.event import Event
from pvdify.model.image_reference import parse_deployable
from pvdify.model.instance import LogLine
from pvdify.model.service import (
    PASSWORD,
    Order,
    OrderKind,
    Service,
    ServiceLink,
    ServiceState,
    check_service_name,
    new_password,
    new_values,
)
from pvdify.model.service_kinds import CUSTOM, KINDS, Kind
from pvdify.model.token import Actor
from pvdify.model.volume import AppVolume, new_volume
from pvdify.ports.clock import Clock
from pvdify.ports.inspector import Inspector
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.settings import Settings

LARGEST_PORT = 65_535
LEAST_MEMORY = 16 * 1024**2  # bytes
DEFAULT_MEMORY = 512 * 1024**2  # bytes
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,20}://\S{1,500}")


@dataclass(frozen=True, kw_only=True)
class ServiceRequest:
    """A requested service: of a ``kind``, or of an ``image`` with its ``port``; see ``wire.requests``."""

    kind: str = CUSTOM
    image: str | None = None
    port: int | None = None
    volume: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class ServiceView:
    """A service with its links, variables and use.

    ``size``: bytes of its volume, None if unknown. ``memory``: bytes in use, None if the service is down.
    """

    service: Service
    links: tuple[ServiceLink, ...]
    variables: tuple[str, ...] = ()
    size: int | None = None
    memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class UpgradePlan:
    """The steps of an upgrade. ``apps``: the linked apps, which cannot reach the service during the upgrade."""

    service: str
    image: str
    new_image: str
    apps: tuple[str, ...]
    size: int | None
    how: tuple[str, ...]


class Services:
    """Requests about services.

    Args:
        wake: wakes the keeper when set.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, inspector: Inspector, instance_logs: InstanceLogs, locks: Locks, secrets: Secrets,
        settings: Settings, store: Store, volumes: Volumes, wake: asyncio.Event,
    ) -> None:  # fmt: skip
        self._clock, self._inspector, self._instance_logs = clock, inspector, instance_logs
        self._locks, self._secrets, self._settings, self._store = locks, secrets, settings, store
        self._volumes = volumes
        self._wake = wake

    async def list(self) -> tuple[ServiceView, ...]:
        """Return all services by name, those in the trash last. Raises StoreUnavailable."""
        links = await self._store.service_links()
        services = await self._store.services()
        return tuple(
            ServiceView(service=it, links=tuple(link for link in links if link.service == it.id)) for it in services
        )

    async def get(self, name: str) -> Service:
        """Return the service of this name that is not in the trash. Raises ServiceNotFound, StoreUnavailable."""
        found = next((it for it in await self._store.services() if it.name == name and not it.is_trashed), None)
        if found is None:
            raise ServiceNotFound(f"there is no service {name}", next="`pvdify services` lists them")
        return found

    async def show(self, name: str) -> ServiceView:
        """Return a service with its links, variables and use.

        Raises ServiceNotFound, StoreUnavailable, SecretsLocked.
        """
        return await self._view(await self.get(name))

    async def _view(self, service: Service) -> ServiceView:
        values = await self._secrets.read(service.key, service.config_version)
        size = await self._volumes.size(service.volume) if service.volume else None
        usage = await self._inspector.usage(service.container)
        names = {name for name in values if name != PASSWORD} | set(service.row.environment)
        return ServiceView(
            service=service,
            links=await self._store.service_links(service=service.id),
            variables=tuple(sorted(names)),
            size=size,
            memory=usage.memory if usage else None,
        )

    async def create(
        self, name: str, request: ServiceRequest, actor: Actor, *, owner: str = "", copy_of: str = "",
        data_name: str = "",
    ) -> ServiceView:  # fmt: skip
        """Record a new service; the keeper starts it. Parameters and errors: as ``add``."""
        async with self._locks.services(name):
            service = await self.add(name, request, actor, owner=owner, copy_of=copy_of, data_name=data_name)
        return await self._view(service)

    async def add(
        self, name: str, request: ServiceRequest, actor: Actor, *, owner: str = "", copy_of: str = "",
        data_name: str = "",
    ) -> Service:  # fmt: skip
        """Record a new service under its lock, which the caller holds; the keeper starts it when the lock is free.

        ``owner``, ``copy_of`` and ``data_name``: see ``Service``.

        Raises InvalidError with every problem, ServiceExists, StoreUnavailable.
        """
        check_service_name(name)
        row = _row(request)
        _check(name, row, request)
        image = request.image or self._settings.service_images.get(row.name) or row.image
        parse_deployable(image)
        now = self._clock.now()
        if any(it.name == name and not it.is_trashed for it in await self._store.services()):
            raise ServiceExists(f"there is a service {name} already", next=f"`pvdify services:info {name}`")
        url, path = request.url or row.url, request.volume or row.volume
        draft = Service(
            id=f"{name}-{now:%Y%m%d%H%M%S%f}", name=name, kind=row.name, image=image, port=request.port or row.port,
            path=path, volume="", url=url, memory=request.memory or DEFAULT_MEMORY, config_version=0, since=now,
            created_at=now, created_by=actor.name, owner=owner, copy_of=copy_of, data_name=data_name,
        )  # fmt: skip
        version = await self._keep_values(draft, new_values(row, url, request.environment), actor)
        volume = new_volume(draft.key, "data-1", now) if path else None
        service = replace(draft, config_version=version.version, volume=volume.id if volume else "")
        records: tuple[AppVolume, ...] = (volume,) if volume else ()
        await self._store.save(service, version, *records, self._event(actor, Action.SERVICE_CREATED, service, image))
        self._wake.set()
        return service

    async def restart(self, name: str, actor: Actor) -> ServiceView:
        """Request a restart of a service. Raises ServiceNotFound, ServiceBusy, StoreUnavailable."""
        return await self._order(name, Order(kind=OrderKind.RESTART, by=actor.name))

    async def upgrade(self, name: str, image: str, actor: Actor) -> ServiceView:
        """Request the upgrade of a service to another image. Raises ServiceNotFound, ServiceBusy, InvalidError."""
        reference = str(parse_deployable(image))
        return await self._order(name, Order(kind=OrderKind.UPGRADE, by=actor.name, image=reference), must_run=True)

    async def plan_upgrade(self, name: str, image: str) -> UpgradePlan:
        """Return what ``upgrade`` would do. Raises ServiceNotFound, InvalidError, StoreUnavailable."""
        reference, view = str(parse_deployable(image)), await self.show(name)
        service = view.service
        copying = [f"stop {service.name} and copy its volume" if service.volume else f"stop {service.name}"]
        if service.row.is_moved:
            copying.append(
                "if the new image is of another major version: instead of that, take it off its apps' networks, dump "
                "its data, and restore it into a new volume"
            )
        kept = ("move the old volume to the trash, where it is kept",) if service.volume else ()
        return UpgradePlan(
            service=name, image=service.image, new_image=reference, apps=tuple(link.app for link in view.links),
            size=view.size,
            how=(f"pull {reference}", *copying, "start the new container and ask whether it answers", *kept),
        )  # fmt: skip

    async def rotate(self, name: str, actor: Actor) -> ServiceView:
        """Request a new password for a service. Raises ServiceNotFound, ServiceBusy, InvalidError, StoreUnavailable."""
        service = await self.get(name)
        if service.row.rotate is None:
            raise InvalidError(
                f"the password of {name} was not changed",
                why="pvdify does not know how a service of this image takes a new one",
                next=f"`pvdify services:connect {name}` opens a shell in it",
            )
        async with self._locks.services(name):
            service = await self._ready(name, must_run=True)
            values = await self._secrets.read(service.key, service.config_version)
            renewed = {**values, PASSWORD: ConfigVar(value=new_password(), is_secret=True)}
            version = await self._keep_values(service, renewed, actor)
            order = Order(kind=OrderKind.ROTATE, by=actor.name, version=version.version)
            service = replace(service, pending=order, failure="")
            await self._store.save(version, service)
        self._wake.set()
        return await self._view(service)

    async def restore_data(self, name: str, backup: str, source: str, actor: Actor) -> ServiceView:
        """Request that a service's data is replaced by that of a backup. The current data moves to the trash.

        ``source``: the id of the service whose dump is restored, or of the volume that is restored.

        Raises ServiceNotFound, ServiceBusy, StoreUnavailable.
        """
        return await self._order(name, Order(kind=OrderKind.RESTORE, by=actor.name, backup=backup, source=source))

    async def destroy(self, name: str, confirm: str | None, actor: Actor, *, purges: bool = False) -> None:
        """Request that a service is stopped and its data moved to the trash, or deleted with ``purges``.

        Raises ServiceNotFound, NotConfirmed, ServiceLinked, StoreUnavailable.
        """
        if confirm != name:
            raise NotConfirmed(
                f"the service {name} was not destroyed", why="its name was not repeated",
                next=f"`pvdify services:destroy {name} --confirm {name}`",
            )  # fmt: skip
        async with self._locks.services(name):
            service = await self.get(name)
            if links := await self._store.service_links(service=service.id):
                apps = ", ".join(link.app for link in links)
                raise ServiceLinked(
                    f"the service {name} was not destroyed",
                    why=f"{apps} {'is' if len(links) == 1 else 'are'} linked to it",
                    next=f"`pvdify services:unlink {name} {links[0].app}`, then again",
                )  # fmt: skip
            await self.order_destroy(service, actor.name, purges=purges)
        self._wake.set()

    async def order_destroy(self, service: Service, by: str, *, purges: bool) -> Service:
        """Record an order to destroy a service, in place of any pending order. Raises StoreUnavailable."""
        made = service.pending.generation if service.pending else 0
        order = Order(kind=OrderKind.DESTROY, by=by, purges=purges, generation=made)
        going = replace(service, pending=order, failure="")
        await self._store.save(going)
        return going

    async def destroy_unfilled(self, service: Service, by: str) -> None:
        """Order the removal of a service whose data could not be restored, unless it is gone. Raises StoreUnavailable.

        Under its lock: the keeper may be beginning the copy anew, and would save its own record over the order.
        """
        async with self._locks.services(service.name):
            current = await self._store.service(service.id)
            if current is not None and not current.is_trashed:
                await self.order_destroy(current, by, purges=True)
        self._wake.set()

    async def restore(self, name: str, actor: Actor) -> ServiceView:
        """Take the newest service of this name out of the trash, with its data and credentials.

        Raises ServiceNotFound, ServiceExists, StoreUnavailable.
        """
        async with self._locks.services(name):
            found = [it for it in await self._store.services() if it.name == name]
            if any(not it.is_trashed for it in found):
                raise ServiceExists(
                    f"there is a service {name}, whose place a restore would take",
                    next=f"`pvdify services:destroy {name} --confirm {name}` moves it to the trash",
                )
            if not found:
                raise ServiceNotFound(f"no service {name} is in the trash", next="`pvdify services` lists them")
            newest = max(found, key=lambda it: it.created_at)
            volumes = [it for it in await self._store.volumes(newest.key) if it.id == newest.volume]
            back = replace(newest, trashed_at=None, trashed_by="").at(ServiceState.STARTING, self._clock.now())
            taken = [replace(it, trashed_at=None, trashed_by=None) for it in volumes]
            await self._store.save(back, *taken, self._event(actor, Action.SERVICE_RESTORED, back))
        self._wake.set()
        return await self._view(back)

    async def logs(self, name: str, lines: int) -> tuple[LogLine, ...]:
        """Return the last lines that a service wrote. Raises ServiceNotFound, RuntimeUnavailable."""
        writers = await self._writers(await self.get(name))
        return await self._instance_logs.tail(writers, lines)

    async def follow(self, name: str) -> AsyncIterator[LogLine]:
        """Return an endless iterator of the lines that a service writes from now on. Raises as ``logs``."""
        service = await self.get(name)
        writers = tuple({*await self._writers(service), service.container})
        return self._instance_logs.follow(writers, since=self._clock.now())

    async def _writers(self, service: Service) -> tuple[str, ...]:
        return await self._instance_logs.writers(service.key)

    async def _order(self, name: str, order: Order, *, must_run: bool = False) -> ServiceView:
        async with self._locks.services(name):
            service = replace(await self._ready(name, must_run=must_run), pending=order, failure="")
            await self._store.save(service)
        self._wake.set()
        return await self._view(service)

    async def _ready(self, name: str, *, must_run: bool) -> Service:
        service = await self.get(name)
        if service.is_busy:
            doing = service.pending.kind.value if service.pending else "copy"
            raise ServiceBusy(f"something is being done to {name} already: {doing}",
                              next=f"`pvdify services:info {name}` shows when it is over")  # fmt: skip
        if must_run and service.state is not ServiceState.LIVE:
            raise ServiceBusy(
                f"the service {name} is {service.state.value}", why=service.problem or "it has to be live for this",
                next=f"`pvdify services:logs {name}` shows what it wrote",
            )  # fmt: skip
        return service

    async def _keep_values(self, service: Service, values: Mapping[str, ConfigVar], actor: Actor) -> ConfigVersion:
        """Write values to the secrets under a new version, and return its record.

        Numbers continue after those of an earlier service of this name.
        """
        versions = await self._store.config_versions(service.key)
        number = max((it.version for it in versions), default=0) + 1
        await self._secrets.write(service.key, number, values)
        return ConfigVersion(
            app=service.key, version=number, created_at=self._clock.now(), created_by=actor.name,
            set_keys=tuple(sorted(values)),
        )  # fmt: skip

    def _event(self, actor: Actor, action: Action, service: Service, text: str = "") -> Event:
        words = f"{service.name}: {text}" if text else service.name
        return Event(
            at=self._clock.now(), actor=actor.name, address=actor.address, action=action,
            app=service.key, text=words,
        )  # fmt: skip


def _row(request: ServiceRequest) -> Kind:
    row = KINDS.get(request.kind)
    if row is None:
        known = ", ".join(name for name in KINDS if name != CUSTOM)
        raise InvalidError(
            f'"{request.kind[:40]}" is no kind of service', why=f"the kinds are {known}",
            next="`pvdify services:create NAME --image REF --port PORT --volume PATH` makes one of any image",
        )  # fmt: skip
    return row


def _check(name: str, row: Kind, request: ServiceRequest) -> None:
    """Raise InvalidError with every problem."""
    problems = []
    if row.name == CUSTOM and request.image is None:
        problems.append("image: a service needs a kind or an image")
    if row.name == CUSTOM and request.port is None:
        problems.append("port: where the image listens is needed")
    if request.port is not None and not 0 < request.port <= LARGEST_PORT:
        problems.append(f"port: {request.port} is no TCP port")
    path = request.volume
    if path is not None and (
        not path.startswith("/")
        or path.rstrip("/") in ("", *NOT_FOR_VOLUMES)
        or set(path) & set(":,\0\n")
        or ".." in path.split("/")
    ):
        problems.append(f'volume: "{path[:60]}" is no absolute path that can be kept')
    for key in request.environment:
        if not CONFIG_KEY.fullmatch(key):
            problems.append(f'env: "{key[:40]}" is no name of an environment variable')
    if request.memory is not None and request.memory < LEAST_MEMORY:
        problems.append("memory: 16M is the least")
    if request.url is not None and not _URL.fullmatch(request.url):
        problems.append("url: expected a URL like mysql://{user}:{password}@{host}:{port}/{database}")
    if problems:
        raise InvalidError(
            f"the service {name} was not created", next="correct it; `pvdify services:create --help` has examples",
            details={"problems": problems},
        )  # fmt: skip
