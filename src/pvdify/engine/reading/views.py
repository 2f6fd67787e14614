"""Apps, releases and configs as clients see them; requests answer with the same views as queries."""

from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.engine.running.statuses import facts_of_apps
from pvdify.engine.world import World
from pvdify.engine.world.not_found import no_app
from pvdify.model.app import App, hostnames_of
from pvdify.model.config import ConfigVar
from pvdify.model.release import Release, ReleaseStatus, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.status import AppFacts, Status, status_of


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


async def view_app(world: World, name: str) -> AppView:
    """Return an app with what it runs. Raises AppNotFound, StoreUnavailable."""
    facts = (await facts_of_apps(world, name)).get(name)
    if facts is None:
        raise no_app(name)
    return _view_of(world, facts)


async def view_apps(world: World) -> tuple[AppView, ...]:
    """Return all apps by name, in a fixed number of queries however many there are. Raises StoreUnavailable."""
    return tuple(_view_of(world, facts) for facts in (await facts_of_apps(world)).values())


def _view_of(world: World, facts: AppFacts) -> AppView:
    manifest = facts.live.manifest if facts.live else None
    return AppView(
        app=facts.app,
        live=facts.live,
        status=status_of(facts),
        scale=facts.scale,
        hostnames=hostnames_of(facts.app, world.settings.base_domain, manifest),
    )


async def view_release(world: World, release: Release) -> ReleaseView:
    """Return a release as it is seen. Raises StoreUnavailable."""
    return (await view_releases(world, release.app, (release,)))[0]


async def view_releases(world: World, app: str, releases: tuple[Release, ...]) -> tuple[ReleaseView, ...]:
    """Return releases of one app as they are seen, in the same order. Raises StoreUnavailable."""
    counts = {count.release: count for count in await world.store.switch_counts(app)}
    live = await world.store.live_versions(app, 1000)
    kept = live[: world.settings.keep_releases]
    return tuple(
        ReleaseView(
            release=release,
            count=counts.get(release.version),
            can_roll_back=release.version in kept and release.status is not ReleaseStatus.ACTIVE,
            previous=next((version for version in live if version < release.version), None),
        )
        for release in releases
    )


async def view_config(world: World, app: str, version: int, values: Mapping[str, ConfigVar]) -> ConfigView:
    """Return these values of a config version as they are seen. Raises StoreUnavailable."""
    live = await world.store.active_release(app)
    return ConfigView(version=version, live_version=live.config_version if live else None, values=values)
