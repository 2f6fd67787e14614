"""The config vars, volumes and networks that an app's instances, hooks and one-off commands start with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pvdify.engine.world import Hide, SharedVars
from pvdify.engine.world.runtimes import is_moved_by, runtime_of, volumes_of_app
from pvdify.engine.world.urls import PublicUrls
from pvdify.model.config import ConfigVar
from pvdify.model.grant import GrantKind
from pvdify.model.names import parent_of
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.release import Release
from pvdify.model.service import PASSWORD, ServiceLink, secrets_of, url_of
from pvdify.model.tenant import Tenant
from pvdify.model.volume import copy_for_move
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ContainerInputs:
    """The inputs of a release's containers besides the image.

    ``config``: config vars, with the URLs of linked services. ``volumes``: the ids of the app's volumes by name.
    ``url``: the app's public URL, None if it has none. ``networks``: the networks of linked services. ``runtime``: the
    container runtime of the release's slot, or of new slots if the release has none.
    """

    config: Mapping[str, ConfigVar]
    volumes: Mapping[str, str]
    url: str | None = None
    networks: tuple[PrivateNetwork, ...] = ()
    runtime: str = ""


class Environments:
    """Collects the surroundings of a release's containers.

    ``hide`` redacts the secrets among these config vars in all later output of the app. ``shared_vars``: functions that
    return config vars which this server adds to every app.
    """

    def __init__(
        self, *, hide: Hide, secrets: Secrets, settings: Settings, shared_vars: Sequence[SharedVars], store: Store,
        urls: PublicUrls,
    ) -> None:  # fmt: skip
        self._hide, self._secrets, self._shared_vars = hide, secrets, shared_vars
        self._settings, self._store, self._urls = settings, store, urls

    async def of(self, release: Release) -> ContainerInputs:
        """Return the config version of this release, and the volumes, services and URL that its app has now.

        Raises StoreUnavailable, SecretsUnavailable.
        """
        volumes = await self._volumes_of(release)
        config = await self._config_of(release.app, release.config_version)
        url = (await self._urls.now()).of_app(release.app, release.manifest)
        links = await self._store.service_links(app=release.app)
        services = await self._services_of(release.app, links)
        networks = tuple(link.network for link in links)
        return ContainerInputs(
            config={**config, **services}, volumes=volumes, url=url, networks=networks,
            runtime=await runtime_of(self._store, self._settings, release),
        )  # fmt: skip

    async def _volumes_of(self, release: Release) -> dict[str, str]:
        """Return the ids of the app's volumes; of their copies for a release that moves the app, until it is live."""
        volumes = await volumes_of_app(self._store, release.app)
        if volumes and await is_moved_by(self._store, release):
            volumes = tuple(copy_for_move(volume, release.version, release.created_at) for volume in volumes)
        return {volume.name: volume.id for volume in volumes}

    async def _services_of(self, app: str, links: Sequence[ServiceLink]) -> dict[str, ConfigVar]:
        """Return the URL of each linked service by the name of its config var, and redact its secrets from now on."""
        urls: dict[str, ConfigVar] = {}
        for link in links:
            service = await self._store.service(link.service)
            if service is not None:
                values = await self._secrets.read(service.key, service.config_version)
                await self._hide(app, secrets_of(service, values))
                urls[link.variable] = ConfigVar(value=url_of(service, values), is_secret=PASSWORD in values)
        return urls

    async def _config_of(self, app: str, version: int) -> dict[str, ConfigVar]:
        """Return an app's config, and the variables that this server shares with all apps.

        If the app sets one variable of a shared group, the whole group is left out, because its values belong together.
        """
        config = await self._secrets.read(app, version)
        for shared in self._shared_vars:
            values = await shared()
            if not values.keys() & config.keys():
                config = config | {name: ConfigVar(value=value) for name, value in values.items()}
        return config


async def tenant_of(store: Store, app: str) -> Tenant:
    """Return the app and its grants; a preview shares images, logins and grants of its app. Raises StoreUnavailable."""
    preview = parent_of(app)
    apps = (app, preview[0]) if preview else (app,)
    grants = [grant for each in apps for grant in await store.grants(each)]
    return Tenant(apps=apps, local_hosts=frozenset(it.name for it in grants if it.kind is GrantKind.REGISTRY))
