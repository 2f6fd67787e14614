"""The state of the server: capacity, and checks of the parts that it depends on."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pvdify.engine.world.runtime_queries import RuntimeQueries, hangs
from pvdify.errors import PvdifyError
from pvdify.model.capacity import Capacity
from pvdify.model.disk_use import DiskMeasurements, DiskUse
from pvdify.model.image import ImagesOnDisk
from pvdify.model.instance import InstanceState
from pvdify.model.layer_bound import LayerBound
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.operation import OperationKind
from pvdify.model.status import Status, StatusWord
from pvdify.ports.clock import Clock
from pvdify.ports.host import Host
from pvdify.ports.images import Images
from pvdify.ports.instances import Instances
from pvdify.ports.router import Router
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.quantities import exact_bytes, format_bytes
from pvdify.settings import Settings

_MOST_NAMED = 5  # config versions in one line


@dataclass(frozen=True, kw_only=True)
class Check:
    """The check of one part of the server. ``state``: ``ok``, ``warning`` or ``broken``."""

    name: str
    state: str
    text: str
    next: str = ""


@dataclass(frozen=True, kw_only=True)
class ServerView:
    """The server with all checks."""

    apps: int
    running_operations: int
    checks: tuple[Check, ...]
    disk: Mapping[str, ImagesOnDisk]
    use: Mapping[str, DiskUse] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ServerSummary:
    """The server as last seen. ``runtime_late_since``: since when the runtime has not answered; None if it answers.

    ``instances``: the number of containers found at ``instances_at``.
    """

    capacity: Capacity
    running_operations: int
    router_down_since: datetime | None
    runtime_late_since: datetime | None
    instances: int
    instances_at: datetime | None


class ServerQueries:
    """Answers questions about the server. Every method that waits raises StoreUnavailable."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, disk_board: DiskMeasurements, host: Host, images: Images, instances: Instances,
        router: Router, secrets: Secrets, settings: Settings, runtime_queries: RuntimeQueries,
        observed: ObservedInstances, store: Store, layer_bound: LayerBound | None,
    ) -> None:  # fmt: skip
        self._clock, self._disk_board, self._host, self._images = clock, disk_board, host, images
        self._instances, self._router, self._secrets, self._settings = instances, router, secrets, settings
        self._runtime_queries, self._observed, self._store = runtime_queries, observed, store
        self._layer_bound = layer_bound

    async def summary(self) -> ServerSummary:
        """Return the server as last seen. Waits only for the store and the host's capacity."""
        operations = await self._store.unsettled_operations()
        return ServerSummary(
            capacity=await self._host.capacity(),
            running_operations=sum(item.kind is not OperationKind.RETIRE for item in operations),
            router_down_since=self._observed.router_down_since,
            runtime_late_since=self._runtime_queries.late_since,
            instances=len(self._runtime_queries.known.instances),
            instances_at=self._runtime_queries.known_at,
        )

    async def show(self) -> ServerView:
        """Check each part that the server depends on, and return the results."""
        operations = await self._store.unsettled_operations()
        router, runtime, disk, config, images = await asyncio.gather(
            self._check_router(), self._check_runtime(), self._check_disk(), self.check_config(), self._disk()
        )
        checks = (router, runtime, disk, *check_of_layers(self._layer_bound), *config)
        return ServerView(
            apps=len(await self._store.apps()),
            running_operations=sum(item.kind is not OperationKind.RETIRE for item in operations),
            checks=checks,
            disk=images,
            use=self._disk_board.use,
        )

    def apps_over_limit(self) -> frozenset[str]:
        """Return the apps that used more disk space than ``max_app_disk`` in the last measurement."""
        return self._disk_board.over

    async def check_config(self) -> tuple[Check, ...]:
        """Return a check with the apps whose live or newest config version is not on disk; empty if there are none."""
        needed = {(release.app, release.config_version) for release in await self._store.active_releases()}
        for app in await self._store.apps():
            needed |= {(app.name, version.version) for version in (await self._store.config_versions(app.name))[:1]}
        missing = await self._secrets.missing(sorted(each for each in needed if each[1] > 0))
        if not missing:
            return ()
        named = ", ".join(f"{app} v{version}" for app, version in missing[:_MOST_NAMED])
        named += f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        return (Check(
            name="config", state="broken", text=f"the files of config versions are missing: {named}",
            next="restore the directory config from a backup; until then these apps run, but they cannot be deployed, "
            "scaled or restarted",
        ),)  # fmt: skip

    async def _disk(self) -> Mapping[str, ImagesOnDisk]:
        try:
            return await self._runtime_queries.images(self._images, self._clock)
        except PvdifyError:
            return {}  # the checks report parts that do not answer

    async def _check_router(self) -> Check:
        try:
            routes = await self._router.routes()
        except PvdifyError as error:
            return Check(name="router", state="broken", text=f"{error.what}: {error.why}", next=error.next)
        listen = self._settings.router_listen
        return Check(
            name="router", state="ok", text=f"{len(routes)} route{'' if len(routes) == 1 else 's'} at {listen}"
        )

    async def _check_runtime(self) -> Check:
        try:
            seen = await self._runtime_queries.instances(self._instances, self._clock)
            if seen.is_late:
                raise hangs(self._runtime_queries, self._clock.now())
        except PvdifyError as error:
            return Check(name="runtime", state="broken", text=f"{error.what}: {error.why}", next=error.next)
        running = sum(item.state is InstanceState.RUNNING for item in seen.instances)
        return Check(name="runtime", state="ok", text=f"{running} of {len(seen.instances)} containers running")

    async def _check_disk(self) -> Check:
        capacity, limit = await self._host.capacity(), self._settings.min_free_disk
        if capacity.free_disk is None:
            return Check(name="disk", state="warning", text="cannot be read", next="check the data directory's disk")
        is_low = capacity.free_disk < limit
        return Check(
            name="disk",
            state="broken" if is_low else "ok",
            text=f"{format_bytes(capacity.free_disk)} free",
            next=f"deploys are refused below {exact_bytes(limit)}: make room" if is_low else "",
        )


def check_of_apps(found: Mapping[str, Status]) -> Check:
    """Return a check with the apps that have a problem."""
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
    """Return a check with the apps that use more disk space than the limit; empty if there are none."""
    apps = sorted(app for app in over if app in use)
    if not apps:
        return ()
    text = "; ".join(f"{app} takes {format_bytes(use[app].total)}" for app in apps)
    commands = f"`pvdify volumes {apps[0]}`; `pvdify ps:restart {apps[0]}` empties its containers"
    next_step = f"that is more than {exact_bytes(limit)} (`max_app_disk`): {commands}"
    return (Check(name="app-disk", state="warning", text=text, next=next_step),)


def check_of_layers(bound: LayerBound | None) -> tuple[Check, ...]:
    """Return a check with the bound of what a container writes into itself; empty if the runtime says nothing."""
    if bound is None:
        return ()
    return (Check(name="container-disk", state="ok", text=bound.text),)


def check_of_jobs(overdue: Mapping[str, tuple[str, ...]]) -> tuple[Check, ...]:
    """Return a check with the overdue scheduled jobs; empty if there are none."""
    if not overdue:
        return ()
    text = "; ".join(f"{app}: {', '.join(names)} overdue" for app, names in overdue.items())
    app, names = next(iter(overdue.items()))
    return (Check(name="jobs", state="warning", text=text, next=f"`pvdify jobs:history {app} --job {names[0]}`"),)
