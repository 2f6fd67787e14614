"""The routes of all apps: as the records want them, and past the instances that are down."""

from collections.abc import Mapping

import structlog

from pvdify.engine.running.snapshot import is_settled
from pvdify.engine.world import World
from pvdify.model.app import route_of
from pvdify.model.release import Release
from pvdify.model.route import Route

log = structlog.get_logger()


async def put_serving(world: World, wanted: Route) -> Route:
    """Put this route without the instances that are down; the route that was put. Raises RouterUnavailable.

    Hold ``locks.routes`` of the app. An instance may end while the router takes the route, which would undo
    ``take_out``: then it is put again.
    """
    world.whole_routes[wanted.app] = wanted
    while True:
        serving = world.down.leave_out(wanted)
        await world.router.put(serving)
        if world.down.leave_out(wanted) == serving:
            return serving


async def remove_route(world: World, app: str) -> None:
    """Have the app's hostnames answer 404. Hold ``locks.routes`` of the app. Raises RouterUnavailable."""
    world.whole_routes.pop(app, None)
    await world.router.remove(app)


class RouteRepair:
    """Puts the routes that are missing or differ."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def put_routes(self, app: str | None = None) -> None:
        """Start the router if it does not run, and put the route of each app, or of one app.

        While an operation other than a retirement is unfinished, the app keeps the route that was put last. Raises
        RouterUnavailable, StoreUnavailable.
        """
        await self._world.router.ensure_running()
        routes = await self._world.router.routes()
        active = {release.app: release for release in await self._world.store.active_releases()}
        known = {each.name for each in await self._world.store.apps()}  # after the routes: an app comes before its own
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
        return wanted is not None and routes.get(app) != self._world.down.leave_out(wanted)

    async def _learn_whole(self, app: str) -> None:
        """Learn the whole route of an app whose route an earlier pvdifyd put: operations keep to it.

        It is known if the route in force is the one of the records, or that one without some of its instances.
        """
        if app in self._world.whole_routes:
            return
        async with self._world.locks.routes(app):
            current = (await self._world.router.routes()).get(app)
            wanted = await self._wanted(app, await self._world.store.active_release(app))
            if current is None or wanted is None or app in self._world.whole_routes:
                return
            if wanted.without(set(wanted.targets) - set(current.targets)) == current:
                self._world.whole_routes[app] = wanted

    async def _put(self, app: str) -> None:
        """Decide anew, now that no operation can begin, and put the route."""
        async with self._world.locks.routes(app):
            if await is_settled(self._world.store, app):
                wanted = await self._wanted(app, await self._world.store.active_release(app))
            else:  # the route is the operation's; but an instance that is up again gets its visitors back
                wanted = self._world.whole_routes.get(app)
            current = (await self._world.router.routes()).get(app)
            if wanted is None or current == self._world.down.leave_out(wanted):
                return
            put = await put_serving(self._world, wanted)
            log.info("route.repaired", app=app, slot=put.slot, targets=[str(it) for it in put.targets])

    async def _remove(self, app: str) -> None:
        if self._world.former_names.is_settling(app, self._world.clock.now()):
            return  # requests that were routed a moment ago still look its slot up
        async with self._world.locks.routes(app):
            if await self._world.store.app(app) is None:
                await remove_route(self._world, app)

    async def _wanted(self, name: str, release: Release | None) -> Route | None:
        """The whole route that the app should have; None where no release serves."""
        app = await self._world.store.app(name)
        if app is None or release is None:
            return None
        slot = await self._world.store.slot(name, release.slot) if release.slot is not None else None
        return route_of(app, self._world.settings.base_domain, release.manifest, slot)
