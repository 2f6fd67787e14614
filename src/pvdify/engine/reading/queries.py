"""Questions about apps, releases and the server. Nothing here changes anything."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from pvdify.engine.reading.activity import Activity
from pvdify.engine.reading.differences import Difference, differences
from pvdify.engine.reading.in_use import InUse, end_of, key_of, last_ends, measure
from pvdify.engine.reading.runtime_logs import RuntimeLogs
from pvdify.engine.reading.views import (
    AppView,
    ConfigView,
    ReleaseView,
    view_app,
    view_apps,
    view_config,
    view_release,
    view_releases,
)
from pvdify.engine.running.specs import limits_of
from pvdify.engine.running.statuses import statuses
from pvdify.engine.world import World
from pvdify.engine.world.not_found import no_app, no_release
from pvdify.engine.world.sightings import Sighting, hangs
from pvdify.engine.world.urls import urls_of
from pvdify.errors import PvdifyError
from pvdify.manifest.definition import Command
from pvdify.model.capacity import Capacity
from pvdify.model.config import ConfigVersion
from pvdify.model.deploy_log import LogEntry
from pvdify.model.disk_use import DiskUse
from pvdify.model.image import ImagesOnDisk
from pvdify.model.instance import FoundInstance, InstanceState, Limits, newest_of_each
from pvdify.model.names import WEB
from pvdify.model.operation import Operation, OperationKind, operation_id
from pvdify.model.release import Release
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.model.status import Status, StatusWord
from pvdify.model.token import Token
from pvdify.model.urls import Urls
from pvdify.quantities import format_bytes

LOG_PAUSE = 0.5
LOG_ENTRIES = 1000  # of a deploy log that are read at once


@dataclass(frozen=True, kw_only=True)
class PlacedInstance:
    """An instance: where it should be, and the container that was found there.

    ``in_use``: of one that runs; ``last_end``: how it ended before it was restarted, or ""; ``problem``: why it cannot
    be started, or "".
    """

    place: Placement
    slot: Slot
    container: FoundInstance | None
    limits: Limits | None = None
    in_use: InUse | None = None
    last_end: str = ""
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class ProcessView:
    """A process type with its instances: ``count`` there should be, ``declared`` in the manifest."""

    name: str
    command: Command | None
    count: int
    declared: int
    instances: tuple[PlacedInstance, ...]
    affinity: str | None = None


@dataclass(frozen=True, kw_only=True)
class ProcessesView:
    """The process types of an app, and how the app is doing."""

    status: Status
    processes: tuple[ProcessView, ...]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One part of the server: ``ok``, ``warning`` or ``broken``, and the next step."""

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
    use: Mapping[str, DiskUse] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Glance:
    """The server as it is known without asking it. ``runtime_late_since``: it has not answered since then.

    ``instances``: containers that were seen at ``instances_at``.
    """

    capacity: Capacity
    running_operations: int
    router_down_since: datetime | None
    runtime_late_since: datetime | None
    instances: int
    instances_at: datetime | None


class Queries:
    """Answers questions. Every method raises StoreUnavailable, and AppNotFound where an app is named.

    ``runtime_logs``: what instances wrote; ``activity``: who did what.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.runtime_logs = RuntimeLogs(
            clock=world.clock, instance_logs=world.instance_logs, standings=world.standings, store=world.store
        )
        self.activity = Activity(clock=world.clock, outbox=world.outbox, store=world.store)

    async def urls(self) -> Urls:
        """How URLs of apps look now. Raises StoreUnavailable."""
        return await urls_of(self._world)

    async def apps(self) -> tuple[AppView, ...]:
        """All apps by name, in a fixed number of queries however many there are."""
        return await view_apps(self._world)

    async def statuses(self) -> dict[str, Status]:
        """How every app is doing, by name. Waits for nothing but the store."""
        return await statuses(self._world)

    async def app(self, name: str) -> AppView:
        """One app."""
        return await view_app(self._world, name)

    async def releases(self, app: str, limit: int) -> tuple[ReleaseView, ...]:
        """An app's releases, newest first."""
        await self.app(app)
        return await view_releases(self._world, app, await self._world.store.releases(app, limit))

    async def release(self, app: str, version: int) -> ReleaseView:
        """One release. Raises ReleaseNotFound."""
        release = await self._world.store.release(app, version)
        if release is None:
            await self.app(app)
            raise no_release(app, version)
        return await view_release(self._world, release)

    async def diff(self, app: str, older: int, newer: int) -> tuple[Difference, ...]:
        """What the second release has otherwise than the first. Raises ReleaseNotFound."""
        before, after = (await self.release(app, older)).release, (await self.release(app, newer)).release
        read = self._world.secrets.read
        return differences(before, after, await read(app, before.config_version), await read(app, after.config_version))

    async def is_warm(self, app: str, target: Release) -> bool:
        """Whether the release's instances are still started, so that a rollback to it is a switch only."""
        slot = await self._world.store.slot(app, target.slot) if target.slot else None
        return slot is not None and slot.state.is_idle

    def running(self) -> Mapping[tuple[str, int], int]:
        """How many instances ran when they were seen last, by app and slot; nothing is asked."""
        found = newest_of_each(self._world.sightings.known.instances)
        return Counter((it.app, it.slot) for it in found if it.state is InstanceState.RUNNING)

    async def operation(self, app: str, version: int) -> Operation | None:
        """The work that makes a release live, with its steps so far; None once it is forgotten."""
        return await self._world.store.operation(operation_id(app, version))

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
            entries = await self._world.deploy_log.read(app, version, skip=seen, most=LOG_ENTRIES)
            for entry in entries:
                seen += 1
                yield entry
            if len(entries) == LOG_ENTRIES:
                continue
            if is_over:
                return
            try:
                await asyncio.wait_for(grown.wait(), LOG_PAUSE)
            except TimeoutError:
                yield None

    async def config(self, app: str) -> ConfigView:
        """The newest config."""
        if await self._world.store.app(app) is None:
            raise no_app(app)
        versions = await self._world.store.config_versions(app)
        version = versions[0].version if versions else 0
        return await view_config(self._world, app, version, await self._world.secrets.read(app, version))

    async def config_versions(self, app: str) -> tuple[ConfigVersion, ...]:
        """All changes of the config, newest first."""
        await self.app(app)
        return await self._world.store.config_versions(app)

    async def processes(self, app: str) -> ProcessesView:
        """The process types of the live release with all their instances, those that stand by too."""
        view = await self.app(app)
        seen = await self._world.sightings.instances(self._world.instances, self._world.clock, app)
        return await self._processes(view, seen, None)

    async def known_processes(self, app: str, in_use: Mapping[str, InUse]) -> tuple[ProcessesView, datetime | None]:
        """The same as it was known last, and since when; waits for nothing but the store.

        ``in_use``: what instances used when they were looked at last, by name.
        """
        seen = self._world.sightings.known
        mine = tuple(it for it in seen.instances if it.app == app)
        return await self._processes(await self.app(app), replace(seen, instances=mine), in_use), seen.at

    async def _processes(self, view: AppView, seen: Sighting, in_use: Mapping[str, InUse] | None) -> ProcessesView:
        """``in_use``: None to measure it."""
        app = view.app.name
        containers = {item.name: item for item in seen.instances}
        shown = [
            (slot, place)
            for slot in await self._world.store.slots(app)
            for place in slot.placements
            if slot.state is SlotState.LIVE or place.process == WEB or place.name in containers
        ]
        if in_use is None:
            in_use = await measure(self._world, [place.name for _, place in shown])
        ends, limits = await last_ends(self._world.store, app), await self._limits(app, [slot for slot, _ in shown])
        standings = self._world.standings.of([place.name for _, place in shown], self._world.clock.now())
        placed = [
            PlacedInstance(
                place=place,
                slot=slot,
                container=containers.get(place.name),
                limits=limits.get((slot.number, place.process)),
                in_use=in_use.get(place.name),
                last_end=end_of(standings.get(place.name)) or ends.get(key_of(slot, place), ""),
                problem=standings[place.name].problem if place.name in standings else "",
            )
            for slot, place in shown
        ]
        declared = view.live.manifest.processes if view.live else {}
        counts = view.scale.counts(view.live.manifest) if view.live else {}
        names = dict.fromkeys([*declared, *(item.place.process for item in placed)])
        processes = tuple(
            ProcessView(
                name=name,
                command=declared[name].command if name in declared else None,
                count=counts.get(name, 0),
                declared=declared[name].count if name in declared else 0,
                instances=tuple(item for item in placed if item.place.process == name),
                affinity=declared[name].affinity if name in declared else None,
            )
            for name in names
        )
        return ProcessesView(status=view.status, processes=processes)

    async def _limits(self, app: str, slots: Iterable[Slot]) -> dict[tuple[int, str], Limits]:
        """What an instance may use, by slot and process: as the release says that started it."""
        releases = [await self._world.store.release(app, number) for number in {slot.number for slot in slots}]
        return {
            (release.version, process): limits_of(release.manifest, process)
            for release in releases
            if release is not None
            for process in release.manifest.processes
        }

    async def failed_releases(self) -> tuple[Release, ...]:
        """The newest release of each app whose newest release failed."""
        return await self._world.store.failed_releases()

    async def glance(self) -> Glance:
        """The server as it is known; waits for nothing but the store."""
        world = self._world
        operations = await world.store.unsettled_operations()
        return Glance(
            capacity=await world.host.capacity(),
            running_operations=sum(item.kind is not OperationKind.RETIRE for item in operations),
            router_down_since=world.standings.router_down_since,
            runtime_late_since=world.sightings.late_since,
            instances=len(world.sightings.known.instances),
            instances_at=world.sightings.known_at,
        )

    async def tokens(self) -> tuple[Token, ...]:
        """All tokens that are not revoked."""
        return await self._world.store.tokens()

    async def server(self) -> ServerView:
        """The server at a glance: each part it depends on is asked."""
        operations = await self._world.store.unsettled_operations()
        checks = (await self._check_router(), await self._check_runtime(), await self._check_disk())
        return ServerView(
            apps=len(await self._world.store.apps()),
            running_operations=sum(item.kind is not OperationKind.RETIRE for item in operations),
            checks=checks,
            disk=await self._disk(),
            use=self._world.disk_board.use,
        )

    def apps_over_limit(self) -> frozenset[str]:
        """Return the apps that took more of the disk than ``max_app_disk`` when it was measured last."""
        return self._world.disk_board.over

    async def _disk(self) -> Mapping[str, ImagesOnDisk]:
        try:
            return await self._world.sightings.images(self._world.images, self._world.clock)
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
            seen = await self._world.sightings.instances(self._world.instances, self._world.clock)
            if seen.is_late:
                raise hangs(self._world.sightings, self._world.clock.now())
        except PvdifyError as error:
            return Check(name="runtime", state="broken", text=f"{error.what}: {error.why}", next=error.next)
        running = sum(item.state is InstanceState.RUNNING for item in seen.instances)
        return Check(name="runtime", state="ok", text=f"{running} of {len(seen.instances)} containers running")

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


def check_of_apps(found: Mapping[str, Status]) -> Check:
    """Whether everything that should run does, as a line of the server's state."""
    ill = {app: status for app, status in found.items() if status.word.is_problem}
    if not ill:
        return Check(
            name="apps", state="ok", text=f"{len(found)} app{'' if len(found) == 1 else 's'}, none has a problem"
        )
    is_broken = any(status.word is not StatusWord.DEGRADED for status in ill.values())
    return Check(
        name="apps",
        state="broken" if is_broken else "warning",
        text="; ".join(f"{app} is {status}" for app, status in ill.items()),
        next=f"`pvdify ps {next(iter(ill))}` and `pvdify logs {next(iter(ill))}`",
    )


def check_of_disk(over: Iterable[str], use: Mapping[str, DiskUse], limit: int) -> tuple[Check, ...]:
    """The apps that take more of the disk than the limit, as a line; none if there are none."""
    apps = sorted(app for app in over if app in use)
    if not apps:
        return ()
    text = "; ".join(f"{app} takes {format_bytes(use[app].total)}" for app in apps)
    look = f"`pvdify volumes {apps[0]}`; `pvdify ps:restart {apps[0]}` empties its containers"
    next_step = f"that is more than {format_bytes(limit)} (`max_app_disk`): {look}"
    return (Check(name="app-disk", state="warning", text=text, next=next_step),)


def check_of_jobs(overdue: Mapping[str, tuple[str, ...]]) -> tuple[Check, ...]:
    """The scheduled jobs that have not succeeded for longer than they should, as a line; none if there are none."""
    if not overdue:
        return ()
    text = "; ".join(f"{app}: {', '.join(names)} overdue" for app, names in overdue.items())
    app, names = next(iter(overdue.items()))
    return (Check(name="jobs", state="warning", text=text, next=f"`pvdify jobs:history {app} --job {names[0]}`"),)
