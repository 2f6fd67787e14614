"""Apps, releases and configs as clients see them; requests answer with the same views as queries."""

from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.engine.running.statuses import AppStatuses
from pvdify.engine.world.not_found import no_app
from pvdify.model.app import App, hostnames_of
from pvdify.model.config import ConfigVar
from pvdify.model.release import Release, ReleaseStatus, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.status import AppFacts, Status, status_of
from pvdify.ports.store import Store
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class AppView:
    """An app with what it runs."""

    app: App
    live: Release | None
    status: Status
    hostnames: tuple[str, ...]
    scale: Scale


@dataclass(frozen=True, kw_only=True)
class ReleaseView:
    """A release, what the router counted at its switch, whether it can be gone back to, and what was live before it."""

    release: Release
    count: SwitchCount | None
    can_roll_back: bool
    previous: int | None


@dataclass(frozen=True, kw_only=True)
class ConfigView:
    """The newest config, and the version that the live release runs with."""

    version: int
    live_version: int | None
    values: Mapping[str, ConfigVar]


class Views:
    """Reads apps and releases as people see them."""

    def __init__(self, *, settings: Settings, statuses: AppStatuses, store: Store) -> None:
        self._settings, self._statuses, self._store = settings, statuses, store

    async def app(self, name: str) -> AppView:
        """Return an app with what it runs. Raises AppNotFound, StoreUnavailable."""
        facts = (await self._statuses.facts(name)).get(name)
        if facts is None:
            raise no_app(name)
        return self._view_of(facts)

    async def apps(self) -> tuple[AppView, ...]:
        """Return all apps by name, in a fixed number of queries however many there are. Raises StoreUnavailable."""
        return tuple(self._view_of(facts) for facts in (await self._statuses.facts()).values())

    def _view_of(self, facts: AppFacts) -> AppView:
        manifest = facts.live.manifest if facts.live else None
        return AppView(
            app=facts.app,
            live=facts.live,
            status=status_of(facts),
            scale=facts.scale,
            hostnames=hostnames_of(facts.app, self._settings.base_domain, manifest),
        )

    async def release(self, release: Release) -> ReleaseView:
        """Return a release as it is seen. Raises StoreUnavailable."""
        return (await self.releases(release.app, (release,)))[0]

    async def releases(self, app: str, releases: tuple[Release, ...]) -> tuple[ReleaseView, ...]:
        """Return releases of one app as they are seen, in the same order. Raises StoreUnavailable."""
        counts = {count.release: count for count in await self._store.switch_counts(app)}
        live = await self._store.live_versions(app, 1000)
        kept = live[: self._settings.keep_releases]
        return tuple(
            ReleaseView(
                release=release,
                count=counts.get(release.version),
                can_roll_back=release.version in kept and release.status is not ReleaseStatus.ACTIVE,
                previous=next((version for version in live if version < release.version), None),
            )
            for release in releases
        )

    async def config(self, app: str, version: int, values: Mapping[str, ConfigVar]) -> ConfigView:
        """Return these values of a config version as they are seen. Raises StoreUnavailable."""
        live = await self._store.active_release(app)
        return ConfigView(version=version, live_version=live.config_version if live else None, values=values)
