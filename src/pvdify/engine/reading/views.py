"""Views of apps, releases and configs, as queries and requests return them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pvdify.engine.running.statuses import AppStatuses
from pvdify.engine.world.concurrency import SingleFlight
from pvdify.engine.world.not_found import no_app
from pvdify.model.app import App, hostnames_of
from pvdify.model.config import ConfigVar
from pvdify.model.release import Release, ReleaseStatus, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.status import AppFacts, Status, status_of
from pvdify.ports.store import Store
from pvdify.settings import Settings

AT_ONCE = 50  # views that are made between two pauses for other tasks; takes some milliseconds


@dataclass(frozen=True, kw_only=True)
class AppView:
    """An app with its live release, status, hostnames and scale."""

    app: App
    live: Release | None
    status: Status
    hostnames: tuple[str, ...]
    scale: Scale


@dataclass(frozen=True, kw_only=True)
class ReleaseView:
    """A release as clients see it.

    ``count``: the router's counts at its switch. ``previous``: the version that was live before it.
    """

    release: Release
    count: SwitchCount | None
    can_roll_back: bool
    previous: int | None


@dataclass(frozen=True, kw_only=True)
class ConfigView:
    """The config vars of a version, and the config version of the live release.

    ``linked``: the names of config vars that are URLs of linked services, with the name of the service. They belong to
    no version: the newest URL is set whenever a container is created.
    """

    version: int
    live_version: int | None
    values: Mapping[str, ConfigVar]
    linked: Mapping[str, str] = field(default_factory=dict)


class Views:
    """Builds views."""

    def __init__(self, *, settings: Settings, statuses: AppStatuses, store: Store) -> None:
        self._settings, self._statuses, self._store = settings, statuses, store
        self._made: dict[str, tuple[AppFacts, AppView]] = {}
        self._all: tuple[AppView, ...] | None = None
        self._named: dict[str, AppView] = {}
        self._version: tuple[object, ...] | None = None  # of these two, which have no views that time alone may change
        self._reading: SingleFlight[tuple[AppView, ...]] = SingleFlight()
        self._reading_one: SingleFlight[AppView] = SingleFlight()

    async def app(self, name: str) -> AppView:
        """Return the view of an app. Raises AppNotFound, StoreUnavailable."""
        version = self._current_version()
        if name in self._named:
            return self._named[name]
        return await self._reading_one.share((name, version), lambda: self._read_one(name, version))

    async def _read_one(self, name: str, version: tuple[object, ...]) -> AppView:
        facts = (await self._statuses.facts(name)).get(name)
        if facts is None:
            raise no_app(name)
        view = self._view_of(facts)
        if facts.is_lasting and self._version == version == self._statuses.version:
            self._named[name] = view
        return view

    async def apps(self) -> tuple[AppView, ...]:
        """Return the views of all apps by name: the same tuple as long as nothing has changed. Raises StoreUnavailable.

        The number of database queries does not depend on the number of apps, and readers at the same time share them.
        """
        version = self._current_version()
        if self._all is not None:
            return self._all
        return await self._reading.share(version, lambda: self._read_all(version))

    async def _read_all(self, version: tuple[object, ...]) -> tuple[AppView, ...]:
        found = await self._statuses.facts()
        if len(self._made) > len(found):
            self._made = {name: made for name, made in self._made.items() if name in found}
        views = []
        for at, facts in enumerate(found.values(), start=1):
            views.append(self._view_of(facts))
            if at % AT_ONCE == 0:
                await asyncio.sleep(0)
        everything = tuple(views)
        # A write that came in between is in some of the facts only: the next reader has to look again.
        if self._version == version == self._statuses.version:
            lasting = {name for name, facts in found.items() if facts.is_lasting}
            self._named = {view.app.name: view for view in everything if view.app.name in lasting}
            self._all = everything if len(lasting) == len(everything) else None
        return everything

    def _current_version(self) -> tuple[object, ...]:
        """Return the version of the records, and forget the views of another one."""
        version = self._statuses.version
        if self._version != version:
            self._version, self._all, self._named = version, None, {}
        return version

    def _view_of(self, facts: AppFacts) -> AppView:
        """Return the view of these facts: the same object as long as the facts are equal."""
        known = self._made.get(facts.app.name)
        # Records that have not changed are the same objects, so comparing two sets of facts looks at none of them.
        if known is None or known[0] != facts:
            known = self._made[facts.app.name] = (facts, self._make(facts))
        return known[1]

    def _make(self, facts: AppFacts) -> AppView:
        manifest = facts.live.manifest if facts.live else None
        return AppView(
            app=facts.app,
            live=facts.live,
            status=status_of(facts),
            scale=facts.scale,
            hostnames=hostnames_of(facts.app, self._settings.base_domain, manifest),
        )

    async def release(self, release: Release) -> ReleaseView:
        """Return the view of a release. Raises StoreUnavailable."""
        return (await self.releases(release.app, (release,)))[0]

    async def releases(self, app: str, releases: tuple[Release, ...]) -> tuple[ReleaseView, ...]:
        """Return the views of successive releases of one app, newest first. Raises StoreUnavailable."""
        if not releases:
            return ()
        newest, oldest = releases[0].version, releases[-1].version
        counts = {count.release: count for count in await self._store.switch_counts(app, oldest, newest)}
        kept = await self._store.live_versions(app, self._settings.keep_releases)
        live = await self._store.live_versions(app, len(releases), before=newest)  # one of them is before the oldest
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
        """Return the view of a config version with these values. Raises StoreUnavailable."""
        live = await self._store.active_release(app)
        linked = {link.variable: link.hostname for link in await self._store.service_links(app=app)}
        return ConfigView(
            version=version, live_version=live.config_version if live else None, values=values, linked=linked
        )
