"""All one may read."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from pvdify.engine.differences import Difference, differences
from pvdify.engine.in_use import InUse, key_of, last_ends, measure
from pvdify.engine.not_found import no_app, no_release
from pvdify.engine.runtime_logs import RuntimeLogs
from pvdify.engine.specs import limits_of
from pvdify.engine.world import World
from pvdify.errors import PvdifyError
from pvdify.manifest.definition import Command
from pvdify.model.app import App, hostnames_of
from pvdify.model.config import ConfigVar, ConfigVersion
from pvdify.model.deploy_log import LogEntry
from pvdify.model.event import Event
from pvdify.model.image import ImagesOnDisk
from pvdify.model.instance import FoundInstance, InstanceState, Limits
from pvdify.model.names import WEB
from pvdify.model.operation import OperationKind, operation_id
from pvdify.model.quantities import format_bytes
from pvdify.model.release import Release, ReleaseStatus, SwitchCount
from pvdify.model.scale import Scale
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.model.token import Token

LOG_PAUSE = 0.5


@dataclass(frozen=True, kw_only=True)
class AppView:
    """An app with what it runs."""

    app: App
    live: Release | None
    is_deploying: bool
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
class PlacedInstance:
    """An instance: where it should be, and the container that was found there.

    ``in_use``: of one that runs; ``last_end``: how it ended before it was restarted, or "".
    """

    place: Placement
    slot: Slot
    container: FoundInstance | None
    limits: Limits | None = None
    in_use: InUse | None = None
    last_end: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessView:
    """A process type with its instances: ``count`` there should be, ``declared`` in the manifest."""

    name: str
    command: Command | None
    count: int
    declared: int
    instances: tuple[PlacedInstance, ...]


@dataclass(frozen=True, kw_only=True)
class ConfigView:
    """The newest config, and the version that the live release runs with."""

    version: int
    live_version: int | None
    values: Mapping[str, ConfigVar]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part of the server: ``ok``, ``warning`` or ``broken``, and what mends it."""

    name: str
    state: str
    text: str
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerView:
    """The server at a glance."""

    apps: int
    running_operations: int
    checks: tuple[Check, ...]
    disk: Mapping[str, ImagesOnDisk]


class Queries:
    """The engine's window. Every method raises StoreUnavailable, and AppNotFound where an app is named.

    ``runtime_logs``: what instances wrote.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.runtime_logs = RuntimeLogs(world)

    async def apps(self) -> tuple[AppView, ...]:
        """All apps by name, in a fixed number of queries however many there are."""
        live = {release.app: release for release in await self._world.store.active_releases()}
        operations = await self._world.store.unsettled_operations()
        busy = {operation.app for operation in operations if operation.kind is not OperationKind.RETIRE}
        scales = {scale.app: scale for scale in await self._world.store.scales()}
        return tuple(
            self._app_view(app, live.get(app.name), busy, scales.get(app.name) or Scale(app=app.name))
            for app in await self._world.store.apps()
        )

    async def app(self, name: str) -> AppView:
        """One app."""
        app = await self._world.store.app(name)
        if app is None:
            raise no_app(name)
        operations = await self._world.store.unsettled_operations(name)
        busy = {operation.app for operation in operations if operation.kind is not OperationKind.RETIRE}
        live, scale = await self._world.store.active_release(name), await self._world.store.scale(name)
        return self._app_view(app, live, busy, scale)

    async def releases(self, app: str, limit: int) -> tuple[ReleaseView, ...]:
        """An app's releases, newest first."""
        await self.app(app)
        return await self._views(app, await self._world.store.releases(app, limit))

    async def release(self, app: str, version: int) -> ReleaseView:
        """One release. Raises ReleaseNotFound."""
        release = await self._world.store.release(app, version)
        if release is None:
            await self.app(app)
            raise no_release(app, version)
        return (await self._views(app, (release,)))[0]

    async def diff(self, app: str, older: int, newer: int) -> tuple[Difference, ...]:
        """What the second release has otherwise than the first. Raises ReleaseNotFound."""
        before, after = (await self.release(app, older)).release, (await self.release(app, newer)).release
        read = self._world.secrets.read
        return differences(before, after, await read(app, before.config_version), await read(app, after.config_version))

    async def _views(self, app: str, releases: tuple[Release, ...]) -> tuple[ReleaseView, ...]:
        counts = {count.release: count for count in await self._world.store.switch_counts(app)}
        live = await self._world.store.live_versions(app, 1000)
        kept = live[: self._world.settings.keep_releases]
        return tuple(
            ReleaseView(
                release=release,
                count=counts.get(release.version),
                can_roll_back=release.version in kept and release.status is not ReleaseStatus.ACTIVE,
                previous=next((version for version in live if version < release.version), None),
            )
            for release in releases
        )

    async def is_warm(self, app: str, target: Release) -> bool:
        """Whether the release's instances are still started, so that a rollback to it is a switch only."""
        slot = await self._world.store.slot(app, target.slot) if target.slot else None
        return slot is not None and slot.state.is_idle

    async def is_settled(self, app: str, version: int) -> bool:
        """Whether a release's deploy has ended, with everything that belongs to it."""
        operation = await self._world.store.operation(operation_id(app, version))
        return operation is None or operation.state.is_settled

    async def deploy_log(self, app: str, version: int, skip: int = 0) -> tuple[LogEntry, ...]:
        """The deploy log so far. Raises ReleaseNotFound."""
        await self.release(app, version)
        return await self._world.deploy_log.read(app, version, skip=skip)

    async def follow_deploy_log(self, app: str, version: int, skip: int = 0) -> AsyncIterator[LogEntry | None]:
        """The deploy log as it comes, until the deploy has settled; None when there has been nothing for a while."""
        seen = skip
        while True:
            grown = self._world.deploy_log.watch(app, version)
            is_over = await self.is_settled(app, version)
            for entry in await self._world.deploy_log.read(app, version, skip=seen):
                seen += 1
                yield entry
            if is_over:
                return
            try:
                await asyncio.wait_for(grown.wait(), LOG_PAUSE)
            except TimeoutError:
                yield None

    async def config(self, app: str) -> ConfigView:
        """The newest config."""
        view = await self.app(app)
        versions = await self._world.store.config_versions(app)
        version = versions[0].version if versions else 0
        return ConfigView(
            version=version,
            live_version=view.live.config_version if view.live else None,
            values=await self._world.secrets.read(app, version),
        )

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """All changes of the config, newest first."""
        await self.app(app)
        return await self._world.store.config_versions(app)

    async def processes(self, app: str) -> tuple[ProcessView, ...]:
        """The process types of the live release with all their instances, those that stand by too."""
        view = await self.app(app)
        containers = {item.name: item for item in await self._world.supervisor.find(app)}
        shown = [
            (slot, place)
            for slot in await self._world.store.slots(app)
            for place in slot.placements
            if slot.state is SlotState.LIVE or place.process == WEB or place.name in containers
        ]
        in_use = await measure(self._world, [place.name for _, place in shown])
        ends, limits = await last_ends(self._world, app), await self._limits(app, [slot for slot, _ in shown])
        placed = [
            PlacedInstance(
                place=place,
                slot=slot,
                container=containers.get(place.name),
                limits=limits.get((slot.number, place.process)),
                in_use=in_use.get(place.name),
                last_end=ends.get(key_of(slot, place), ""),
            )
            for slot, place in shown
        ]
        declared = view.live.manifest.processes if view.live else {}
        counts = view.scale.counts(view.live.manifest) if view.live else {}
        names = dict.fromkeys([*declared, *(item.place.process for item in placed)])
        return tuple(
            ProcessView(
                name=name,
                command=declared[name].command if name in declared else None,
                count=counts.get(name, 0),
                declared=declared[name].count if name in declared else 0,
                instances=tuple(item for item in placed if item.place.process == name),
            )
            for name in names
        )

    async def _limits(self, app: str, slots: Iterable[Slot]) -> dict[tuple[int, str], Limits]:
        """What an instance may use, by slot and process: as the release says that started it."""
        releases = [await self._world.store.release(app, number) for number in {slot.number for slot in slots}]
        return {
            (release.version, process): limits_of(release.manifest, process)
            for release in releases
            if release is not None
            for process in release.manifest.processes
        }

    async def tokens(self) -> tuple[Token, ...]:
        """All tokens that are not revoked."""
        return await self._world.store.tokens()

    async def events(self, app: str | None, limit: int) -> tuple[Event, ...]:
        """Who did what, newest first."""
        return await self._world.store.events(app, limit)

    async def server(self) -> ServerView:
        """The server at a glance: each part it depends on is asked."""
        operations = await self._world.store.unsettled_operations()
        checks = (await self._check_router(), await self._check_runtime(), await self._check_disk())
        return ServerView(
            apps=len(await self._world.store.apps()),
            running_operations=sum(item.kind is not OperationKind.RETIRE for item in operations),
            checks=checks,
            disk=await self._disk(),
        )

    async def _disk(self) -> Mapping[str, ImagesOnDisk]:
        try:
            return await self._world.images.disk()
        except PvdifyError:
            return {}  # the checks say what does not answer

    async def _check_router(self) -> Check:
        try:
            routes = await self._world.router.routes()
        except PvdifyError as error:
            return Check(name="router", state="broken", text=f"{error.what}: {error.why}", next=error.next)
        listen = self._world.settings.router_listen
        return Check(name="router", state="ok", text=f"{len(routes)} routes at {listen}")

    async def _check_runtime(self) -> Check:
        try:
            found = await self._world.supervisor.find()
        except PvdifyError as error:
            return Check(name="runtime", state="broken", text=f"{error.what}: {error.why}", next=error.next)
        running = sum(item.state is InstanceState.RUNNING for item in found)
        return Check(name="runtime", state="ok", text=f"{running} of {len(found)} containers running")

    async def _check_disk(self) -> Check:
        capacity, limit = await self._world.host.capacity(), self._world.settings.min_free_disk
        if capacity.free_disk is None:
            return Check(name="disk", state="warning", text="cannot be read", next="look at the data directory's disk")
        is_low = capacity.free_disk < limit
        return Check(
            name="disk",
            state="broken" if is_low else "ok",
            text=f"{format_bytes(capacity.free_disk)} free",
            next=f"deploys are refused below {format_bytes(limit)}: make room" if is_low else "",
        )

    def _app_view(self, app: App, live: Release | None, busy: set[str], scale: Scale) -> AppView:
        return AppView(
            app=app,
            live=live,
            is_deploying=app.name in busy,
            scale=scale,
            hostnames=hostnames_of(app, self._world.settings.base_domain, live.manifest if live else None),
        )
