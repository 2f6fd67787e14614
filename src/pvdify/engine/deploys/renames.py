"""Renaming an app.

One transaction gives every record of the app the new name. Config files, deploy logs, pins of images, registry logins
and the route cannot be part of that transaction: they are renamed after it, and at the next start if pvdifyd dies in
between. Running containers keep their names, which stay reserved for the app, until a deploy replaces them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import structlog

from pvdify.engine.deploys.worker import Worker
from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.reading.views import AppView, Views
from pvdify.engine.running.one_offs import OneOffRuns
from pvdify.engine.running.routes import ServingRoutes
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.hostname_rights import check_own_hostname
from pvdify.engine.world.not_found import no_app
from pvdify.errors import AppBusy, AppExists, InvalidError, PvdifyError
from pvdify.model.action import Action
from pvdify.model.app import App, default_hostname
from pvdify.model.event import Event
from pvdify.model.former_name import SETTLING, FormerName, FormerNames
from pvdify.model.grant import Grant, GrantKind
from pvdify.model.names import check_app_name, parent_of, preview_name
from pvdify.model.operation import OperationKind
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.images import Images
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.settings import Settings

log = structlog.get_logger()
RETRY_PAUSE = 5.0  # seconds before the work after a renaming's transaction is retried
Names = tuple[str, str]  # the old and the new name of an app


class Renames:
    """Renames apps.

    Args:
        worker: runs the app's retirements, which are stopped and resumed under the new name.
        one_offs: says whether a one-off command runs in the app.
        rename_logins: moves the app's own registry logins to the new name.
        put_routes: puts an app's route into the router.
        watch_anew: restarts the watches of these instances, so that they use the new records.
    """

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, deploy_log: DeployLog, former_names: FormerNames, images: Images, locks: Locks,
        secrets: Secrets, settings: Settings, store: Store, volumes: Volumes, claims: HostnameClaims,
        serving: ServingRoutes, views: Views, worker: Worker, one_offs: OneOffRuns,
        rename_logins: Callable[[str, str], Awaitable[None]],
        put_routes: Callable[[str], Awaitable[None]], watch_anew: Callable[[Iterable[str]], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._clock, self._deploy_log, self._former_names = clock, deploy_log, former_names
        self._images, self._locks, self._secrets, self._settings = images, locks, secrets, settings
        self._volumes = volumes
        self._store, self._claims, self._serving, self._views = store, claims, serving, views
        self._worker = worker
        self._one_offs = one_offs
        self._rename_logins = rename_logins
        self._put_routes = put_routes
        self._watch_anew = watch_anew
        self._unfinished = asyncio.Event()
        self._under_way: set[asyncio.Task[AppView]] = set()

    async def recover(self) -> None:
        """Load the former names, and complete unfinished renamings. Call this first at start-up.

        Raises StoreUnavailable.
        """
        self._former_names.load(await self._store.former_names())
        await self._finish_all()

    async def run(self) -> None:
        """Retry unfinished work after a renaming (for example because the disk was full), forever."""
        while True:
            await self._unfinished.wait()
            await self._clock.sleep(RETRY_PAUSE)
            await self._finish_all()

    def former(self, name: str) -> FormerName | None:
        """Return the record of the renaming if this is the former name of an app, or None."""
        return self._former_names.get(name)

    async def rename(self, name: str, new: str, actor: Actor, *, keeps_hostname: bool) -> AppView:
        """Rename the app and its previews, without an interruption for visitors. Return the app under its new name.

        ``keeps_hostname``: keep the old default hostname as a domain of the app.

        Raises AppNotFound, InvalidError, AppExists, AppBusy, HostnameTaken, HostnameReserved,
        RouterUnavailable (the app is renamed; the reconciler retries the route), StoreUnavailable.
        """
        self._check(name, new)
        work = asyncio.create_task(self._rename(name, new, actor, keeps_hostname=keeps_hostname))
        self._under_way.add(work)  # the renaming continues if the client disconnects
        work.add_done_callback(self._under_way.discard)
        return await asyncio.shield(work)

    def _check(self, name: str, new: str) -> None:
        check_app_name(new)
        check_own_hostname(self._settings, new)
        if parent_of(name) or parent_of(new) or name == new:
            raise InvalidError(
                f"{name} was not renamed to {new}",
                why="that is its name" if name == new else "a name that ends in -pr-NUMBER is a preview's",
                next="choose another name; previews follow their app",
            )

    async def _rename(self, name: str, new: str, actor: Actor, *, keeps_hostname: bool) -> AppView:
        async with self._locks.previews:
            names = await self._family(name, new)
            apps = [each for pair in names for each in pair]
            async with self._locks.everything(apps):
                await self._check_idle(names)
                await self._check_volumes(names)
                async with self._locks.hostnames:
                    await self._check_free(names)
                    await self._commit(names, actor, keeps_hostname=keeps_hostname)
                await self._finish(names)
        for old, current in names:
            self._serving.forget(old)
            await self._watch_anew(await self._instances_of(current))
            for operation in await self._store.unsettled_operations(current):
                self._worker.wake(operation)
        await self._move_routes(names)
        return await self._views.app(new)

    async def _move_routes(self, names: Iterable[Names]) -> None:
        """Put the routes under the new names, and remove the old ones after ``SETTLING``."""
        for _, current in names:
            await self._put_routes(current)
        await self._clock.sleep(SETTLING.total_seconds())
        for old, _ in names:
            async with self._locks.routes(old):
                if await self._store.app(old) is None:
                    await self._serving.remove(old)

    async def _family(self, name: str, new: str) -> tuple[Names, ...]:
        """Return the old and new names of the app and of each of its previews. Raises AppNotFound."""
        await self._app(name)
        previews = await self._store.previews(name)
        return ((name, new), *((each.name, preview_name(new, each.number)) for each in previews))

    async def _check_idle(self, names: Iterable[Names]) -> None:
        """Raise AppBusy if an operation, a job run, a one-off command or a pause uses the app's current name."""
        for name, _ in names:
            operations = await self._store.unsettled_operations(name)
            busy = next((it for it in operations if it.kind is not OperationKind.RETIRE), None)
            if busy is not None:
                raise _busy(name, f"its {busy.kind.value} is under way", f"`pvdify deploy:attach {name}` shows it")
            if runs := await self._store.unsettled_job_runs(name):
                raise _busy(name, f"the job {runs[0].job} runs or is due", f"`pvdify jobs {name}` shows when it ended")
            if self._one_offs.has_any(name):
                raise _busy(name, "a command runs in it (`run`, `ps:exec` or `tunnel`)", "end it")
            app = await self._store.app(name)
            if app is not None and app.paused_until is not None and app.paused_until > self._clock.now():
                raise _busy(name, "its requests wait, because it is paused", f"`pvdify resume {name}`")

    async def _check_volumes(self, names: Iterable[Names]) -> None:
        """Raise InvalidError if an app has volumes that it would not find under its new name."""
        for name, _ in names:
            volumes = await self._store.volumes(name)
            if found := [it for it in volumes if not await self._volumes.survives_rename(it.id)]:
                raise InvalidError(
                    f"{name} was not renamed",
                    why=f"it has volumes ({', '.join(sorted({it.name for it in found}))}), and in a Kubernetes cluster "
                    "a volume cannot move to the namespace of another name",
                    next=f"deploy an app with the new name and copy the data, or `pvdify volumes:destroy {name} NAME "
                    "--purge` if you do not need it",
                )

    async def _check_free(self, names: Iterable[Names]) -> None:
        for name, new in names:
            former = self._former_names.get(new)
            if await self._store.app(new) is not None or (former is not None and former.app != name):
                raise AppExists(
                    f"{name} was not renamed: there is an app {new}"
                    + (f", which is called {former.app} now and keeps its former name" if former else ""),
                    next="choose another name; `pvdify apps` lists the apps",
                )
            await self._claims.check_free(name, {default_hostname(new, self._settings.base_domain)})

    async def _commit(self, names: tuple[Names, ...], actor: Actor, *, keeps_hostname: bool) -> None:
        """Rename the records in one transaction, and reload the former names in memory. Raises StoreUnavailable."""
        (name, new), now = names[0], self._clock.now()
        app, before = await self._app(name), default_hostname(name, self._settings.base_domain)
        own = default_hostname(new, self._settings.base_domain)
        domains = tuple(it for it in (*app.domains, *([before] if keeps_hostname else [])) if it != own)
        grant = Grant(app=new, kind=GrantKind.HOSTNAME, name=before, created_at=now, created_by=actor.name)
        renamed = replace(app, name=new, domains=tuple(dict.fromkeys(domains)), updated_at=now)
        event = Event(
            at=now,
            actor=actor.name,
            address=actor.address,
            action=Action.APP_RENAMED,
            app=new,
            text=f"{name} is {new} now",
        )
        await self._worker.leave({old for old, _ in names})
        await self._store.rename_apps(names, now, renamed, *([grant] if keeps_hostname else []), event)
        self._former_names.load(await self._store.former_names())
        log.info("app.renamed", app=new, before=name, previews=len(names) - 1)

    async def _finish_all(self) -> None:
        self._unfinished.clear()
        await self._finish((each.name, each.app) for each in self._former_names.all())

    async def _finish(self, names: Iterable[Names]) -> None:
        """Rename config, deploy logs, registry logins and pins of images; ``run`` retries if that fails.

        Repeating it changes nothing.
        """
        for old, new in names:
            try:
                await self._secrets.rename(old, new)
                await self._deploy_log.rename(old, new)
                await self._rename_logins(old, new)
                await self._move_pins(old, new)
            except PvdifyError as error:
                self._unfinished.set()
                log.warning("rename.unfinished", app=new, before=old, code=error.code, what=error.what, why=error.why)

    async def _move_pins(self, old: str, new: str) -> None:
        """Pin the images of the app's releases under the new name, and remove the pins of the old name."""
        for version in sorted(await self._images.kept(old)):
            release = await self._store.release(new, version)
            if release is not None and release.image_id is not None:
                await self._images.keep(release.image_id, new, version)
            await self._images.release(old, version)

    async def _instances_of(self, app: str) -> tuple[str, ...]:
        return tuple(place.name for slot in await self._store.slots(app) for place in slot.placements)

    async def _app(self, name: str) -> App:
        app = await self._store.app(name)
        if app is None:
            raise no_app(name)
        return app


def _busy(name: str, why: str, next: str) -> AppBusy:
    return AppBusy(f"{name} was not renamed", why=why, next=f"{next}; then rename it")
