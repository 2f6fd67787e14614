"""Requests that change apps and releases. Each request is checked and stored before the worker starts its operation."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pvdify.engine.deploys.acceptance import DeployRequest, check_config_source
from pvdify.engine.deploys.instance_limit import check_instances
from pvdify.engine.deploys.runner import Runner
from pvdify.engine.deploys.supersession import superseded_by
from pvdify.engine.deploys.worker import Worker
from pvdify.engine.edge.edge_mode import EdgeMode
from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.reading.views import AppView, ConfigView, ReleaseView, Views
from pvdify.engine.world.concurrency import Locks
from pvdify.engine.world.hostname_rights import check_own_hostname
from pvdify.engine.world.not_found import no_app, no_release, renamed
from pvdify.engine.world.runtimes import fitting
from pvdify.errors import (
    AppBusy,
    AppExists,
    IdempotencyKeyReused,
    InvalidError,
    NotCancelable,
    NothingToDeploy,
    NotRollbackable,
    ServiceLinked,
)
from pvdify.manifest.definition import Manifest
from pvdify.model.action import Action
from pvdify.model.app import App, hostnames_of
from pvdify.model.config import Changes, ChangesOf, ConfigVersion, apply_changes, named
from pvdify.model.event import Event, IdempotentRequest
from pvdify.model.former_name import FormerNames
from pvdify.model.grant import Grant, GrantKind
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.names import check_app_name
from pvdify.model.operation import Operation, OperationKind, OperationState, Strategy, operation_id
from pvdify.model.release import Failure, Release, ReleaseStatus
from pvdify.model.token import Actor
from pvdify.ports.clock import Clock
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Record, Store
from pvdify.settings import Settings

IDEMPOTENCY_KEPT = timedelta(hours=24)
PAGE = 20  # releases that are read at once in search of the one that a rollback repeats
LONGEST_PAUSE = 300  # seconds; proxies in front of the router have their own timeouts


@dataclass(frozen=True, kw_only=True)
class Idempotency:
    """An idempotency key and a hash of the request's content. A repeated request gets the same answer."""

    key: str
    fingerprint: str


def fingerprint(*content: object) -> str:
    """Return a hash of a request's content; equal requests have equal hashes."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class Requests:
    """Changes apps and releases. When a method returns, its change is in the store."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, former_names: FormerNames, locks: Locks, secrets: Secrets, settings: Settings,
        store: Store, claims: HostnameClaims, edge_mode: EdgeMode, views: Views, runner: Runner, worker: Worker,
        put_routes: Callable[[str], Awaitable[None]],
    ) -> None:  # fmt: skip
        self._clock, self._former_names, self._locks, self._secrets = clock, former_names, locks, secrets
        self._settings, self._store, self._claims, self._edge_mode = settings, store, claims, edge_mode
        self._views = views
        self._put_routes = put_routes
        self._runner = runner
        self._worker = worker

    async def create_app(self, name: str, actor: Actor) -> AppView:
        """Create an app without a release. Raises InvalidError, AppExists, HostnameTaken, StoreUnavailable."""
        check_app_name(name)
        check_own_hostname(self._settings, name)
        async with self._locks.queue(name):
            self._check_current(name)
            if await self._store.app(name):
                raise AppExists(f"the app {name} is here already", next=f"`pvdify apps:info {name}`")
            app = self._new_app(name)
            async with self._locks.hostnames:
                await self._claims.check_free(name, hostnames_of(app, self._settings.base_domain, None))
                await self._store.save(app, self._event(actor, Action.APP_CREATED, name))
        return await self._views.app(name)

    async def set_maintenance(self, name: str, actor: Actor, *, is_on: bool) -> AppView:
        """Turn maintenance on (visitors get a 503 page) or off; instances keep running.

        Takes effect before this returns, or when the app's running operation has ended. Raises AppNotFound,
        RouterUnavailable, StoreUnavailable.
        """
        async with self._locks.queue(name):
            now, known = self._clock.now(), await self._app(name)
            by, since = (actor.name, now) if is_on else (None, None)
            if is_on and known.is_in_maintenance:
                by, since = known.maintenance_by, known.maintenance_since
            app = replace(known, is_in_maintenance=is_on, updated_at=now, maintenance_by=by, maintenance_since=since)
            action = Action.MAINTENANCE_ON if is_on else Action.MAINTENANCE_OFF
            await self._store.save(app, self._event(actor, action, name))
        await self._put_routes(name)
        return await self._views.app(name)

    async def pause(self, name: str, seconds: float, actor: Actor) -> AppView:
        """Hold new requests in the router for ``seconds`` or until ``resume``; instances keep running.

        Raises AppNotFound, InvalidError (seconds, or visitors come past the router), RouterUnavailable,
        StoreUnavailable.
        """
        if await self._edge_mode.is_past_router():
            raise InvalidError(
                f"{name} was not paused",
                why="with edge_mode=direct, visitors reach the instances directly, so the router cannot hold requests",
                next=f"`pvdify maintenance:on {name}`, or have visitors come through the router: edge_mode=router",
            )
        if not 0 < seconds <= LONGEST_PAUSE:
            raise InvalidError(
                f"{name} was not paused", why=f"it can be paused for up to {LONGEST_PAUSE} seconds",
                next=f"`pvdify maintenance:on {name}` answers visitors with a page instead",
            )  # fmt: skip
        return await self._set_pause(name, self._clock.now() + timedelta(seconds=seconds), actor)

    async def resume(self, name: str, actor: Actor) -> AppView:
        """Forward the held requests to the app. Raises AppNotFound, RouterUnavailable, StoreUnavailable."""
        return await self._set_pause(name, None, actor)

    async def _set_pause(self, name: str, until: datetime | None, actor: Actor) -> AppView:
        async with self._locks.queue(name):
            app = replace(await self._app(name), paused_until=until, updated_at=self._clock.now())
            action = Action.APP_PAUSED if until else Action.APP_RESUMED
            await self._store.save(app, self._event(actor, action, name))
        await self._put_routes(name)
        return await self._views.app(name)

    async def destroy_app(self, name: str, confirm: str | None, actor: Actor, *, purges: bool = False) -> None:
        """Request the removal of the app and everything that belongs to it, after the running operation ends.

        The app's volumes are moved to the trash; ``purges`` deletes them immediately.

        Raises AppNotFound, InvalidError (``confirm`` is not the name), StoreUnavailable.
        """
        await self._app(name)
        if confirm != name:
            raise InvalidError(
                f"{name} was not destroyed", why="the name was not repeated to confirm",
                next=f"`pvdify apps:destroy {name} --confirm {name}` removes its containers, config, logs, releases; "
                "its volumes go to the trash",
            )  # fmt: skip
        now = self._clock.now()
        operation = Operation(
            id=f"{name}-destroy",
            kind=OperationKind.DESTROY,
            app=name,
            created_at=now,
            created_by=actor.name,
            purges=purges,
        )
        async with self._locks.queue(name):
            known = await self._store.operation(operation.id)
            if known is None or known.state.is_settled:
                waiting = [record for item in await self._queued(name) for record in await self._superseded(item, 0)]
                await self._store.save(operation, *waiting)
        self._worker.wake(operation)

    async def deploy(
        self, app: str, request: DeployRequest, actor: Actor, idempotency: Idempotency | None = None
    ) -> Release:
        """Create a release of the image with the newest config; create the app if it does not exist.

        Raises InvalidError (name, manifest of another app), HostnameReserved, HostnameNotGranted, NothingToDeploy,
        IdempotencyKeyReused, StoreUnavailable.
        """
        check_app_name(app)
        check_own_hostname(self._settings, app)
        async with self._locks.queue(app):
            self._check_current(app)
            if known := await self._answered(app, idempotency, actor):
                return known
            release = await self._draft(app, request, actor)
            return await self._enqueue(release, actor, idempotency, request.strategy)

    async def rollback(
        self,
        app: str,
        version: int | None,
        actor: Actor,
        idempotency: Idempotency | None = None,
        strategy: Strategy = Strategy.BLUE_GREEN,
    ) -> Release:
        """Create a release that repeats an older one exactly: image, config version and manifest.

        Raises AppNotFound, ReleaseNotFound, NotRollbackable, IdempotencyKeyReused, StoreUnavailable.
        """
        await self._app(app)
        async with self._locks.queue(app):
            if known := await self._answered(app, idempotency, actor):
                return known
            target = await self.rollback_target(app, version)
            draft = target.repeated(version=await self._next_version(app), at=self._clock.now(), by=actor.name)
            draft = await fitting(self._store, self._settings, draft)
            return await self._enqueue(draft, actor, idempotency, strategy)

    async def rollback_target(self, app: str, version: int | None) -> Release:
        """Return the release that a rollback would repeat: ``version``, or by default the previous live release.

        Raises AppNotFound, ReleaseNotFound, NotRollbackable, StoreUnavailable.
        """
        await self._app(app)
        live = await self._store.active_release(app)
        target = await self._live_before(app, live) if version is None else await self._release(app, version)
        if target is None or not target.was_live or target.image_id is None:
            raise NotRollbackable(
                f"{app} has no earlier release to roll back to" if target is None
                else f"{app} v{target.version} never was live, so there is nothing to go back to",
                next=f"`pvdify releases {app}` shows which releases can be rolled back to",
            )  # fmt: skip
        if live is not None and target.version == live.version:
            raise NotRollbackable(f"{app} v{target.version} is live already", next=f"`pvdify releases {app}`")
        return target

    async def cancel(self, app: str, version: int, actor: Actor) -> ReleaseView:
        """Stop a release that is not live yet; visitors see no change.

        Raises AppNotFound, ReleaseNotFound, NotCancelable, StoreUnavailable.
        """
        await self._app(app)
        async with self._locks.queue(app):
            release = await self._release(app, version)
            operation = await self._store.operation(operation_id(app, version))
            if operation is not None and operation.state is OperationState.QUEUED:
                release = _canceled_in_queue(release)
                event = self._event(actor, Action.DEPLOY_CANCELED, app, version)
                await self._store.save(self._ended(operation), release, event)
                return await self._views.release(release)
            if operation is None or not await self._runner.request_cancel(operation.id):
                raise NotCancelable(
                    f"{app} v{version} is {release.status.value}, there is nothing to cancel",
                    next=f"to go back: `pvdify rollback {app}`" if release.was_live else f"`pvdify releases {app}`",
                )
        return await self._views.release(release)

    async def change_config(self, app: str, wanted: Changes | ChangesOf, actor: Actor) -> ConfigView:
        """Create a config version if anything changes; None unsets a name. The next deploy applies the version.

        If ``wanted`` is a function, it is called with the newest values while no other request can change them.

        Raises AppNotFound, InvalidConfigVar, ServiceLinked (a name is the URL of a linked service), StoreUnavailable.
        """
        await self._app(app)
        async with self._locks.queue(app):
            versions = await self._store.config_versions(app)
            newest = versions[0].version if versions else 0
            current = await self._secrets.read(app, newest)
            changes = wanted(current) if callable(wanted) else wanted
            await self._check_not_linked(app, changes)
            values = apply_changes(current, changes)
            changes = {key: var for key, var in changes.items() if var is not None or key in current}
            if not changes:
                return await self._views.config(app, newest, values)
            version = ConfigVersion(
                app=app,
                version=newest + 1,
                created_at=self._clock.now(),
                created_by=actor.name,
                set_keys=tuple(sorted(key for key, var in changes.items() if var is not None)),
                unset_keys=tuple(sorted(key for key, var in changes.items() if var is None)),
            )
            await self._secrets.write(app, version.version, values)
            text = f"config v{version.version}: {named(changes)}"
            await self._store.save(version, self._event(actor, Action.CONFIG_CHANGED, app, text=text))
        return await self._views.config(app, version.version, values)

    async def _check_not_linked(self, app: str, changes: Changes) -> None:
        for link in await self._store.service_links(app=app):
            if link.variable in changes:
                raise ServiceLinked(
                    f"the config of {app} was not changed",
                    why=f"{link.variable} is the URL of the service {link.hostname}, to which {app} is linked",
                    next=f"choose another name, or `pvdify services:unlink {link.hostname} {app}` first",
                )

    async def _draft(self, app: str, request: DeployRequest, actor: Actor) -> Release:
        live, manifest = await self._store.active_release(app), request.manifest
        base = await self.coming(app) or live
        if request.image is not None:
            image = str(request.image)
        elif base is None:
            raise NothingToDeploy(
                f"{app} has no live image to deploy again", next=f"`pvdify deploy {app} --image REFERENCE`"
            )
        else:
            image = base.image
        _check_manifest_is_for(app, manifest)
        if manifest is not None:
            check_config_source(app, manifest, live.manifest if live else None, actor)
        versions = await self._store.config_versions(app)
        same = base if request.image is None else None
        return Release(
            app=app,
            version=await self._next_version(app),
            image=image,
            digest=same.digest if same else None,
            image_id=same.image_id if same else None,
            config_version=versions[0].version if versions else 0,
            manifest=manifest or (base.manifest if base else Manifest()),
            created_at=self._clock.now(),
            created_by=actor.name,
            description=f"deploy {image}",
            source=request.source.of_image_in(same.source) if same else request.source,
        )

    async def coming(self, app: str) -> Release | None:
        """Return the newest release whose deploy or rollback runs or waits: it should be live when the next begins."""
        operations = await self._store.unsettled_operations(app)
        versions = [it.release for it in operations if it.may_go_live and it.release]
        return await self._store.release(app, max(versions)) if versions else None

    async def _enqueue(
        self, release: Release, actor: Actor, idempotency: Idempotency | None, strategy: Strategy
    ) -> Release:
        """Store the release with its operation. Supersede the app's queued deploys, unless this build is older."""
        await self._check_acceptable(release.app, strategy)
        scale = await self._store.scale(release.app)
        check_instances(release.app, release.manifest, scale, self._settings.max_app_instances)
        grants = list(await self._claims.check_rights(release.app, release.manifest.domains, actor))
        if actor.app is None:
            grants.append(self._registry_grant(release, actor))
        kind = OperationKind.DEPLOY if release.repeats is None else OperationKind.ROLLBACK
        operation = Operation(
            id=operation_id(release.app, release.version), kind=kind, app=release.app, release=release.version,
            strategy=strategy, created_at=release.created_at, created_by=actor.name,
        )  # fmt: skip
        waiting, live = await self._queued(release.app), await self._store.active_release(release.app)
        newer, state = await self._built_later(release, waiting), "waits for its turn"
        if newer is None and live is not None and release.must_not_replace(live):
            newer, state = live, "is live already"
        if newer is not None:
            release, waiting = superseded_by(release, newer, state), []
        records: list[Record] = [release, self._event(actor, Action(f"{kind.value}.requested"), release.app,
                                                                 release.version, release.description)]  # fmt: skip
        if not await self._store.app(release.app):
            records.insert(0, self._new_app(release.app))
        records += [*grants, operation] if newer is None else []
        for item in waiting:
            records += await self._superseded(item, release.version)
        if idempotency:
            records.append(
                IdempotentRequest(
                    key=idempotency.key, actor=actor.name, fingerprint=idempotency.fingerprint, app=release.app,
                    release=release.version, created_at=release.created_at,
                )
            )  # fmt: skip
        await self._store.save(*records)
        if newer is None:
            self._worker.wake(operation)
        return release

    async def _check_acceptable(self, app: str, strategy: Strategy) -> None:
        """Raise AppBusy if the app is being destroyed, InvalidError if visitors would reach a stopped app."""
        if any(it.kind is OperationKind.DESTROY for it in await self._store.unsettled_operations(app)):
            raise AppBusy(f"{app} is being destroyed", next=f"`pvdify deploy {app}` once it is gone")
        if strategy is Strategy.STOP_FIRST and await self._edge_mode.is_past_router():
            raise InvalidError(
                f"{app} was not stopped",
                why="with edge_mode=direct, visitors reach the instances directly, and these would stop",
                next="deploy without --strategy, or have visitors come through the router: edge_mode=router",
            )  # fmt: skip

    async def _built_later(self, release: Release, waiting: list[Operation]) -> Release | None:
        """Return the queued release that was built later than this one, or None."""
        for item in waiting:
            other = await self._store.release(release.app, item.release or 0)
            if other is not None and release.must_not_replace(other):
                return other
        return None

    async def _queued(self, app: str) -> list[Operation]:
        operations = await self._store.unsettled_operations(app)
        return [item for item in operations if item.state is OperationState.QUEUED and item.release and not item.slot]

    async def _superseded(self, operation: Operation, newer: int) -> list[Record]:
        release = await self._store.release(operation.app, operation.release or 0)
        if release is None:
            return [self._ended(operation)]
        by = f"v{newer}" if newer else "the app's end"
        failure = Failure(
            code="superseded",
            what=f"{release.app} v{release.version} never ran: {by} came while it waited for its turn",
            next=f"`pvdify releases {release.app}`",
        )
        return [self._ended(operation), replace(release, status=ReleaseStatus.SUPERSEDED, failure=failure)]

    def _ended(self, operation: Operation) -> Operation:
        return replace(operation.moved_to(OperationState.CANCELED), finished_at=self._clock.now())

    async def _answered(self, app: str, idempotency: Idempotency | None, actor: Actor) -> Release | None:
        if idempotency is None:
            return None
        since = self._clock.now() - IDEMPOTENCY_KEPT
        known = await self._store.idempotent_request(idempotency.key, actor.name, since)
        if known is None:
            return None
        if known.app != app or known.fingerprint != idempotency.fingerprint:
            raise IdempotencyKeyReused(
                f'the Idempotency-Key "{idempotency.key}" was used for another request less than 24 h ago',
                next="send a new key with a new request",
            )
        return await self._release(app, known.release)

    async def _next_version(self, app: str) -> int:
        newest = await self._store.releases(app, limit=1)
        return newest[0].version + 1 if newest else 1

    async def _live_before(self, app: str, live: Release | None) -> Release | None:
        """Return the newest release before ``live`` that was live, or None. Skip releases that their guard rolled back.

        So a second rollback undoes the first. A release that only moved to another runtime counts as the one that it
        repeats.
        """
        current, before = live, live.version if live is not None else None
        while versions := await self._store.live_versions(app, PAGE, before=before):
            for before in versions:
                release = await self._release(app, before)
                if current is not None and current.repeats == release.version:
                    current = release
                elif not release.is_taken_back:
                    return release
                else:
                    current = None
        return None

    async def _app(self, name: str) -> App:
        app = await self._store.app(name)
        if app is None:
            raise no_app(name)
        return app

    async def _release(self, app: str, version: int) -> Release:
        release = await self._store.release(app, version)
        if release is None:
            raise no_release(app, version)
        return release

    def _check_current(self, name: str) -> None:
        """Raise AppRenamed if the name is the former name of an app."""
        if former := self._former_names.get(name):
            raise renamed(former)

    def _new_app(self, name: str) -> App:
        now = self._clock.now()
        return App(name=name, created_at=now, updated_at=now)

    def _registry_grant(self, release: Release, actor: Actor) -> Grant:
        """Return the grant to pull from the image's registry, even one on this machine.

        A deploy with a token for the whole server adds it.
        """
        host = parse_image_reference(release.image).host
        return Grant(
            app=release.app, kind=GrantKind.REGISTRY, name=host, created_at=release.created_at, created_by=actor.name
        )  # fmt: skip

    def _event(self, actor: Actor, action: Action, app: str, release: int | None = None, text: str = "") -> Event:
        return Event(
            at=self._clock.now(),
            actor=actor.name,
            address=actor.address,
            action=action,
            app=app,
            release=release,
            text=text,
        )


def _canceled_in_queue(release: Release) -> Release:
    what = f"{release.app} v{release.version} was canceled while it waited for its turn"
    return replace(release, status=ReleaseStatus.CANCELED, failure=Failure(code="canceled", what=what))


def _check_manifest_is_for(app: str, manifest: Manifest | None) -> None:
    """Raise InvalidError if the manifest names another app.

    A manifest names the production app; the app's staging and preview apps use the same manifest.
    """
    if manifest is None or manifest.app is None or app == manifest.app or app.startswith(f"{manifest.app}-"):
        return
    raise InvalidError(
        f"this manifest is for the app {manifest.app}, not for {app}",
        next=f"deploy {manifest.app}, or pass the other app's manifest with --manifest",
    )
