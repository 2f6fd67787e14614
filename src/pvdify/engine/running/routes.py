"""Puts the routes of apps as recorded, without the instances that are down."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from pvdify.engine.running.snapshot import is_settled
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.down import DownTargets
from pvdify.model.app import route_of
from pvdify.model.former_name import FormerNames
from pvdify.model.release import Release
from pvdify.model.route import Route
from pvdify.ports.clock import Clock
from pvdify.ports.router import Router
from pvdify.ports.store import Store
from pvdify.settings import Settings

log = structlog.get_logger()


class ServingRoutes:
    """Puts and removes routes. Instances that are down are left out, and kept in the remembered whole route.

    Callers hold ``locks.routes`` of the app.
    """

    def __init__(self, *, down: DownTargets, router: Router) -> None:
        self._down, self._router = down, router
        self._whole: dict[str, Route] = {}

    async def put(self, wanted: Route) -> Route:
        """Put this route without the instances that are down; return the route that was put. Raises RouterUnavailable.

        If an instance exits meanwhile, the route is put again, because the first put may have reverted ``take_out``.
        """
        self._whole[wanted.app] = wanted
        while True:
            serving = self._down.leave_out(wanted)
            await self._router.put(serving)
            if self._down.leave_out(wanted) == serving:
                return serving

    async def remove(self, app: str) -> None:
        """Remove the app's route; the router then answers its hostnames with 404. Raises RouterUnavailable."""
        self.forget(app)
        await self._router.remove(app)

    def whole(self, app: str) -> Route | None:
        """Return the app's route as last put or learned, including instances that are down, or None."""
        return self._whole.get(app)

    def learn(self, whole: Route) -> None:
        """Remember the whole route of an app whose route was put before pvdifyd restarted."""
        self._whole[whole.app] = whole

    def forget(self, app: str) -> None:
        """Forget the app's route. The router keeps it."""
        self._whole.pop(app, None)


class RouteRepair:
    """Puts routes that are missing or differ from the records, and removes those of unknown apps."""

    def __init__(
        self, *, clock: Clock, down: DownTargets, former_names: FormerNames, locks: Locks, router: Router,
        settings: Settings, store: Store, serving: ServingRoutes,
    ) -> None:  # fmt: skip
        self._clock, self._down, self._former_names, self._locks = clock, down, former_names, locks
        self._router, self._settings, self._store, self._serving = router, settings, store, serving

    async def put_routes(self, app: str | None = None) -> None:
        """Start the router if it does not run, and put the route of each app, or of one app.

        While an operation other than a retirement is unfinished, the app keeps the route that was put last. Raises
        RouterUnavailable, StoreUnavailable.
        """
        await self._router.ensure_running()
        routes = await self._router.routes()
        active = {release.app: release for release in await self._store.active_releases()}
        known = {each.name for each in await self._store.apps()}  # read after the routes: apps are recorded first
        if app is not None:
            await self._learn_whole(app)
            await self._put(app)
            return
        for name in sorted(known & active.keys()):
            await self._learn_whole(name)
            if await self._differs(name, active[name], routes):
                await self._put(name)
        for name in sorted(routes.keys() - known):
            await self._remove(name)

    async def _differs(self, app: str, release: Release, routes: Mapping[str, Route]) -> bool:
        wanted = await self._wanted(app, release)
        return wanted is not None and routes.get(app) != self._down.leave_out(wanted)

    async def _learn_whole(self, app: str) -> None:
        """Remember the whole route of an app after a restart of pvdifyd, so that repairs during operations can use it.

        The recorded targets are remembered only if the router has the same slot, possibly without some of them. All
        else stays as the router has it: a changed hostname, for example, is put after the operation.
        """
        if self._serving.whole(app) is not None:
            return
        async with self._locks.routes(app):
            current = (await self._router.routes()).get(app)
            wanted = await self._wanted(app, await self._store.active_release(app))
            if current is None or wanted is None or self._serving.whole(app) is not None:
                return
            if current.slot == wanted.slot and current.places <= wanted.places:
                self._serving.learn(replace(current, targets=wanted.targets, numbers=wanted.numbers))

    async def _put(self, app: str) -> None:
        """Put the app's route if it differs; decided under ``locks.routes``, so that no operation can begin."""
        async with self._locks.routes(app):
            if await is_settled(self._store, app):
                wanted = await self._wanted(app, await self._store.active_release(app))
            else:  # the operation decides the route; only add instances that are up again
                wanted = self._serving.whole(app)
            current = (await self._router.routes()).get(app)
            if wanted is None or current == self._down.leave_out(wanted):
                return
            put = await self._serving.put(wanted)
            log.info("route.repaired", app=app, slot=put.slot, targets=[str(it) for it in put.targets])

    async def _remove(self, app: str) -> None:
        if self._former_names.is_settling(app, self._clock.now()):
            return  # requests that were just routed still use the old name's route
        async with self._locks.routes(app):
            if await self._store.app(app) is None:
                await self._serving.remove(app)

    async def _wanted(self, name: str, release: Release | None) -> Route | None:
        """Return the whole route that the app should have by the records, or None if no release is live."""
        app = await self._store.app(name)
        if app is None or release is None:
            return None
        slot = await self._store.slot(name, release.slot) if release.slot is not None else None
        return route_of(app, self._settings.base_domain, release.manifest, slot)
