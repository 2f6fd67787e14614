"""Linking apps to services: a private network for both, and the service's URL in the app's environment."""

from contextlib import suppress

from pvdify.engine.state.services.runs import ServiceRuns
from pvdify.engine.state.services.services import ServiceRequest, Services
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.not_found import no_app
from pvdify.engine.world.runtimes import live_slot
from pvdify.errors import InvalidError, NothingRuns, ServiceLinked, ServiceNotFound
from pvdify.manifest.names import CONFIG_KEY
from pvdify.model.action import Action
from pvdify.model.config import RESERVED
from pvdify.model.event import Event
from pvdify.model.runtime_choice import are_apart
from pvdify.model.service import Service, ServiceLink, network_id
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.instances import Instances
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.settings import Settings


class ServiceLinks:
    """Requests about links.

    An app's containers join the network and get the URL when they are created: at the next deploy or restart of the
    app. The service joins the network as soon as the link is created.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, instances: Instances, locks: Locks, private_networks: PrivateNetworks, secrets: Secrets,
        settings: Settings, store: Store, runs: ServiceRuns, services: Services,
    ) -> None:  # fmt: skip
        self._clock, self._instances, self._locks = clock, instances, locks
        self._private_networks, self._secrets = private_networks, secrets
        self._settings, self._store = settings, store
        self._runs = runs
        self._services = services

    async def link(self, name: str, app: str, variable: str | None, actor: Actor) -> ServiceLink:
        """Link an app to a service. If the same link exists, nothing changes.

        Raises ServiceNotFound, AppNotFound, ServiceLinked (the app has another variable of this name), InvalidError
        (also if the app runs in a cluster and the service does not), RuntimeUnavailable, StoreUnavailable.
        """
        async with self._locks.services(name):
            return await self._link(await self._services.get(name), app, variable, actor)

    async def create_linked(
        self, name: str, request: ServiceRequest, app: str, variable: str, actor: Actor, *, copy_of: str, data_name: str
    ) -> None:
        """Record a new service that belongs to a preview, and link the preview to it.

        The link does not wait until the service has been started and filled with a copy, which can take long.

        Raises as ``Services.add`` and ``link``.
        """
        async with self._locks.services(name):
            service = await self._services.add(name, request, actor, owner=app, copy_of=copy_of, data_name=data_name)
            await self._link(service, app, variable, actor)

    async def _link(self, service: Service, app: str, variable: str | None, actor: Actor) -> ServiceLink:
        if await self._store.app(app) is None:
            raise no_app(app)
        wanted = _variable(service, variable)
        links = await self._store.service_links(app=app)
        same = next((it for it in links if it.service == service.id), None)
        if same is not None and same.variable == wanted:
            return same
        await self._check_free(app, service, wanted, links)
        await self._check_side(app, service)
        now = self._clock.now()
        link = ServiceLink(
            service=service.id, app=app, variable=wanted, hostname=service.name,
            subnet=await self._private_networks.make(network_id(service.name, now)),
            created_at=now, created_by=actor.name,
        )  # fmt: skip
        await self._store.save(link, self._event(actor, Action.SERVICE_LINKED, app, f"{service.name} as {wanted}"))
        await self._refresh(service)
        return link

    async def unlink(self, name: str, app: str, actor: Actor) -> None:
        """Remove a link at once, with its network. Raises ServiceNotFound, RuntimeUnavailable, StoreUnavailable."""
        async with self._locks.services(name):
            service = await self._services.get(name)
            link = next((it for it in await self._store.service_links(app=app) if it.service == service.id), None)
            if link is None:
                raise ServiceNotFound(
                    f"{app} is not linked to {name}", next=f"`pvdify services:info {name}` lists its apps"
                )
            await self._store.forget_service_link(service.id, app)
            await self._private_networks.disconnect(service.container, link.network)
            await self._refresh(service)
            await self._private_networks.remove(link.network.id)
            await self._store.save(self._event(actor, Action.SERVICE_UNLINKED, app, name))

    async def _refresh(self, service: Service) -> None:
        """Connect a running service to its networks. A stopped service joins them when it starts."""
        if await self._instances.is_running(service.container):
            with suppress(NothingRuns):
                await self._runs.refresh(service)

    async def _check_side(self, app: str, service: Service) -> None:
        """Raise InvalidError if the app runs where it does not reach services."""
        slot = await live_slot(self._store, app)
        services = self._settings.runtime
        if slot is None or not are_apart(slot.runtime or services, services):
            return
        raise InvalidError(
            f"{app} was not linked to {service.name}",
            why=f"{app} runs on {slot.runtime}, and the service on {services}: no private network joins the two",
            next=f"give {app} the address of a database that both reach by `pvdify config:set`, or move the apps back "
            f"first: `pvdify server runtime {services}`",
        )

    async def _check_free(self, app: str, service: Service, variable: str, links: tuple[ServiceLink, ...]) -> None:
        taken = next((it for it in links if it.variable == variable and it.service != service.id), None)
        versions = await self._store.config_versions(app)
        config = await self._secrets.read(app, versions[0].version) if versions else {}
        if taken is None and variable not in config:
            return
        owner = f"the service {taken.hostname}" if taken else "its config"
        raise ServiceLinked(
            f"{app} was not linked to {service.name}", why=f"{app} has {variable} from {owner}",
            next=f"choose another name with --as, or `pvdify config:unset {app} {variable}` first" if taken is None
            else f"choose another name with --as, or `pvdify services:unlink {taken.hostname} {app}` first",
        )  # fmt: skip

    def _event(self, actor: Actor, action: Action, app: str, text: str) -> Event:
        now = self._clock.now()
        return Event(at=now, actor=actor.name, address=actor.address, action=action, app=app, text=text)


def _variable(service: Service, variable: str | None) -> str:
    """Return the variable for the URL: the requested name, the default of the kind, or a name made from the service's.

    Raises InvalidError.
    """
    wanted = variable or service.row.variable or f"{service.name.replace('-', '_').upper()}_URL"
    if not CONFIG_KEY.fullmatch(wanted) or wanted in RESERVED or wanted.startswith("PVDIFY_"):
        raise InvalidError(
            f'"{wanted[:40]}" cannot be the name of the URL',
            why="a name has letters, digits and underscores, does not start with a digit, and is not pvdify's own",
            next="choose a name like DATABASE_URL",
        )
    return wanted
