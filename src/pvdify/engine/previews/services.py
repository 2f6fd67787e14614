"""Services of previews, created and linked when a preview opens.

The keeper of services deletes them after the preview was removed.
"""

import hashlib
from dataclasses import dataclass

from pvdify.engine.state.services.links import ServiceLinks
from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import InvalidError
from pvdify.manifest.definition import COPY_OF
from pvdify.manifest.definition import Previews as Policy
from pvdify.manifest.names import SERVICE_NAME
from pvdify.model.names import Environment, environment_of
from pvdify.model.service import PASSWORD, Service, ServiceLink
from pvdify.model.service_kinds import CUSTOM
from pvdify.model.token import Actor
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store

HASH_LENGTH = 8


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A service like ``model`` to create for a preview. ``copies``: whether it gets a copy of the model's data."""

    name: str
    model: Service
    variable: str
    copies: bool


class PreviewServices:
    """Creates and links the services that ``previews.services`` in a manifest names."""

    def __init__(self, *, secrets: Secrets, store: Store, links: ServiceLinks) -> None:
        self._secrets, self._store = secrets, store
        self._links = links

    async def check(self, parent: str, preview: str, policy: Policy) -> None:
        """Check, before anything is created, that all services are possible. Raises InvalidError, StoreUnavailable."""
        await self._wanted(parent, preview, policy)

    async def provide(self, parent: str, preview: str, policy: Policy, actor: Actor, *, is_fork: bool) -> None:
        """Create missing services and link all of them to the preview. Services for a fork are always empty.

        Raises InvalidError, ServiceExists, ServiceLinked, RuntimeUnavailable, StoreUnavailable.
        """
        there = {it.id: it.name for it in await self._store.services() if it.owner == preview and not it.is_trashed}
        linked = {link.variable: link.service for link in await self._store.service_links(app=preview)}
        for it in await self._wanted(parent, preview, policy):
            if linked.get(it.variable) in there:  # perhaps under another name: an app's rename leaves those of services
                continue
            if it.name in there.values():  # pvdifyd was killed before it was linked
                await self._links.link(it.name, preview, it.variable, actor)
            else:
                await self._create(it, preview, policy, actor, copies=it.copies and not is_fork)

    async def _create(self, wanted: _Wanted, preview: str, policy: Policy, actor: Actor, *, copies: bool) -> None:
        model = wanted.model
        values = await self._secrets.read(model.key, model.config_version)
        # pull requests must not get the secrets of the model
        own = {name: str(var.value) for name, var in values.items() if name != PASSWORD and not var.is_secret}
        request = ServiceRequest(
            kind=model.kind, image=model.image, port=model.port, volume=model.path or None, environment=own,
            memory=min(model.memory, policy.resources.memory), url=model.url,
        )  # fmt: skip
        await self._links.create_linked(
            wanted.name, request, preview, wanted.variable, actor, copy_of=model.id if copies else "",
            data_name=(model.data_name or model.name) if copies else "",
        )  # fmt: skip

    async def _wanted(self, parent: str, preview: str, policy: Policy) -> tuple[_Wanted, ...]:
        family = (parent, f"{parent}-staging", *((policy.config_from,) if policy.config_from else ()))
        found: list[_Wanted] = []
        for name, how in policy.services.items():
            source = how.removeprefix(COPY_OF).strip() if how.startswith(COPY_OF) else ""
            model, link = await (self._copied(preview, name, source) if source else self._linked(preview, name, family))
            variable = link.variable if link else model.row.variable
            if not variable or variable in {it.variable for it in found}:
                variable = f"{name.replace('-', '_').upper()}_URL"
            found.append(_Wanted(name=service_name(preview, name), model=model, variable=variable, copies=bool(source)))
        return tuple(found)

    async def _linked(self, preview: str, name: str, family: tuple[str, ...]) -> tuple[Service, ServiceLink]:
        """Return the service of this name to which one of these apps is linked, and the link. Raises InvalidError."""
        for app in family:
            for link in await self._store.service_links(app=app):
                service = await self._store.service(link.service)
                if service is not None and service.name == name:
                    return service, link
        raise InvalidError(
            f"{preview} was not made: `previews.services` names {name}",
            why=f"neither {' nor '.join(dict.fromkeys(family))} is linked to a service of this name",
            next=f"`pvdify services:link {name} {family[0]}`, or correct the name in pvdify.yml",
        )

    async def _copied(self, preview: str, name: str, source: str) -> tuple[Service, ServiceLink | None]:
        """Return the service to copy, and a link to it: the service named ``source``, or one of the app ``source``.

        Raises InvalidError if there is none, if it is linked to a production app, or if it has no dump.
        """
        store = self._store
        links = await store.service_links()
        services = {it.id: it for it in await store.services() if not it.is_trashed}
        of_app = [(services[it.service], it) for it in links if it.app == source and it.service in services]
        found = next(((it, None) for it in services.values() if it.name == source), None)
        named = next(((it, link) for it, link in of_app if it.name == name), of_app[0] if len(of_app) == 1 else None)
        chosen: tuple[Service, ServiceLink | None] | None = found or named
        where = f"{preview} was not made: `previews.services.{name}` is {COPY_OF}{source}"
        if chosen is None:
            raise InvalidError(
                where, why=f"there is no service {source}, nor one service of an app {source}",
                next="`pvdify services` lists them",
            )  # fmt: skip
        service, own = chosen
        link = own or next((it for it in links if it.service == service.id), None)
        production = [
            it.app for it in links if it.service == service.id and environment_of(it.app) is Environment.PRODUCTION
        ]
        if production:
            raise InvalidError(
                where, why=f"{service.name} has the data of {production[0]}, which is in production, and anyone who "
                "opens a pull request would get it",
                next="name the service of a staging app, or `fresh`",
            )  # fmt: skip
        if service.kind == CUSTOM:
            raise InvalidError(
                where, why=f"services of the kind {CUSTOM} have no dump that could be copied", next="use `fresh`"
            )
        return service, link


def service_name(preview: str, name: str) -> str:
    """Return the name of a preview's service, shortened with a hash if it is not a valid service name."""
    usual = f"{preview}-{name}"
    if SERVICE_NAME.fullmatch(usual):
        return usual
    digest = hashlib.sha256(usual.encode()).hexdigest()[:HASH_LENGTH]
    number = preview.rpartition("-")[2]
    return f"pr-{number[:6]}-{name[:10].strip('-')}-{digest}"
