"""Requests about previews: open, update, close and keep them, and apply changes of their pull requests."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from pvdify.engine.deploys.acceptance import DeployRequest, check_config_source
from pvdify.engine.deploys.requests import Idempotency, Requests
from pvdify.engine.previews.services import PreviewServices
from pvdify.engine.reading.views import ReleaseView, Views
from pvdify.engine.world.concurrency import Locks
from pvdify.errors import (
    AppBusy,
    ForkNotAllowed,
    InvalidError,
    NothingToDeploy,
    NotRollbackable,
    PreviewLimit,
    PreviewNotFound,
)
from pvdify.manifest.definition import Manifest
from pvdify.manifest.definition import Previews as Policy
from pvdify.model import preview as previews
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.link import REPOSITORY
from pvdify.model.names import Environment, check_app_name, environment_of, parent_of, preview_name
from pvdify.model.operation import OperationKind, Strategy
from pvdify.model.preview import Preview, PullRequestState
from pvdify.model.release import Release
from pvdify.model.token import PVDIFY, Actor
from pvdify.ports.clock import Clock
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store


@dataclass(frozen=True, kw_only=True)
class PreviewRequest:
    """A requested preview; see ``wire.requests.PutPreview``."""

    deploy: DeployRequest = field(default_factory=DeployRequest)
    repository: str | None = None
    is_fork: bool = False
    labels: tuple[str, ...] = ()
    as_of: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PreviewView:
    """A preview with its newest release. ``is_ending``: the preview is being removed."""

    preview: Preview
    newest: ReleaseView | None
    is_ending: bool


class PreviewRequests:
    """Requests about previews, and deploys and rollbacks of any app."""

    def __init__(
        self, *, clock: Clock, locks: Locks, secrets: Secrets, store: Store, views: Views, requests: Requests,
        services: PreviewServices,
    ) -> None:  # fmt: skip
        self._clock, self._locks, self._secrets, self._store = clock, locks, secrets, store
        self._views = views
        self._requests = requests
        self._services = services

    async def open(
        self, parent: str, number: int, request: PreviewRequest, actor: Actor, idempotency: Idempotency | None = None
    ) -> tuple[PreviewView, Release]:
        """Create the preview or update it in place. A closed preview is reopened.

        Raises InvalidError (names, ``previews.config_from``), NothingToDeploy, ForkNotAllowed, PreviewLimit, AppBusy
        (an earlier preview of this number is being removed), StoreUnavailable, and as ``Requests.deploy``.
        """
        check_app_name(parent)
        _check_parent(parent, number)
        _check_repository(request.repository)
        name, given = preview_name(parent, number), request.deploy.manifest
        policy = await self._policy(parent, name, given, actor, is_fork=request.is_fork)
        _check_fork(name, policy, request)
        async with self._locks.previews:
            if await self.is_ending(name):
                raise AppBusy(
                    f"the last {name} is just being taken away", next="run the same command again in a few seconds"
                )
            preview = await self._store.preview(name)
            if preview is None:
                await self._check_startable(name, request, policy)
                await self._services.check(parent, name, policy)
                await self._make_room(parent, name, policy)
            preview = await self._renew(preview, parent, number, request, policy, actor)
            await self._copy_config(name, policy, actor)
            await self._set_gate(name, policy)
            await self._services.provide(parent, name, policy, actor, is_fork=request.is_fork)
        manifest = previews.manifest_for_preview(given or await self._inherited(name, parent, policy), policy)
        await self._check_count(f"{name} was not deployed", name, manifest)
        deploy = replace(request.deploy, manifest=manifest)
        release = await self._requests.deploy(name, deploy, actor, idempotency)
        return await self._view(preview), release

    async def deploy(
        self, app: str, request: DeployRequest, actor: Actor, idempotency: Idempotency | None = None
    ) -> ReleaseView:
        """Request a deploy of any app. A deploy of a preview goes through ``open``, which applies its limits and gate.

        Raises as ``open`` and ``Requests.deploy``.
        """
        check_app_name(app)
        preview = parent_of(app)
        if preview is None:
            release = await self._requests.deploy(app, request, actor, idempotency)
        else:
            _, release = await self.open(*preview, PreviewRequest(deploy=request), actor, idempotency)
        return await self._views.release(release)

    async def rollback(
        self, app: str, version: int | None, actor: Actor, idempotency: Idempotency | None = None,
        strategy: Strategy = Strategy.BLUE_GREEN,
    ) -> ReleaseView:  # fmt: skip
        """Request a rollback of any app. A preview can only return to a release that its current limits allow.

        Raises as ``Requests.rollback``.
        """
        preview = parent_of(app)
        if preview is not None:
            target = await self._requests.rollback_target(app, version)
            policy = await self._policy(preview[0], app, target.manifest, actor, is_fork=False)
            allowed = previews.manifest_for_preview(target.manifest, policy)
            if allowed.model_copy(update={"previews": target.manifest.previews}) != target.manifest:
                raise NotRollbackable(
                    f"{app} v{target.version} has more than previews of {preview[0]} may have now",
                    why="its resources or hostnames are beyond `previews` in the manifest of its app",
                    next=f"deploy {app} again with its image",
                )
            await self._check_count(f"{app} was not rolled back", app, allowed)
        return await self._views.release(await self._requests.rollback(app, version, actor, idempotency, strategy))

    async def list(self, parent: str) -> tuple[PreviewView, ...]:
        """Return an app's previews, by number. Raises StoreUnavailable."""
        return tuple([await self._view(it) for it in await self._store.previews(parent)])

    async def show(self, parent: str, number: int) -> PreviewView:
        """Return one preview. Raises PreviewNotFound, StoreUnavailable."""
        return await self._view(await self.get(parent, number))

    async def get(self, parent: str, number: int) -> Preview:
        """Return the record of one preview. Raises PreviewNotFound, StoreUnavailable."""
        preview = await self._store.preview(f"{parent}-pr-{number}")
        if preview is None:
            raise PreviewNotFound(
                f"{parent} has no preview of pull request {number}", next=f"`pvdify previews {parent}` lists them"
            )
        return preview

    async def close(self, parent: str, number: int, actor: Actor, as_of: datetime | None = None) -> PreviewView:
        """Start the close delay of a preview, after which it is removed. Closing again does not restart the delay.

        Raises PreviewNotFound, StoreUnavailable.
        """
        async with self._locks.previews:
            preview = await self.note_pull_request(
                await self.get(parent, number), PullRequestState(is_open=False, as_of=as_of), actor
            )
        return await self._view(preview)

    async def keep(self, parent: str, number: int, actor: Actor) -> PreviewView:
        """Keep a preview for at least a day, even if it is closed. Raises PreviewNotFound, StoreUnavailable."""
        async with self._locks.previews:
            preview, now = await self.get(parent, number), self._clock.now()
            kept = previews.kept(preview, now)
            text = f"goes at {kept.ends_at:%Y-%m-%d %H:%M}Z"
            event = Event(
                at=now, actor=actor.name, address=actor.address, action=Action.PREVIEW_KEPT, app=preview.name, text=text
            )  # fmt: skip
            await self._store.save(kept, event)
        return await self._view(kept)

    async def note_pull_request(self, preview: Preview, sign: PullRequestState, actor: Actor) -> Preview:
        """Apply the state of the pull request to the preview, and record a change as an event.

        The caller holds the lock of previews. Raises StoreUnavailable.
        """
        now = self._clock.now()
        noted = previews.after(preview, sign, now)
        if noted == preview:
            return preview
        records: list[Preview | Event] = [noted]
        if noted.is_open is not preview.is_open:
            action = Action.PREVIEW_REOPENED if noted.is_open else Action.PREVIEW_CLOSED
            text = "" if noted.is_open else f"goes at {noted.ends_at:%Y-%m-%d %H:%M}Z"
            records.append(
                Event(at=now, actor=actor.name, address=actor.address, action=action, app=preview.name, text=text)
            )
        await self._store.save(*records)
        return noted

    async def end(self, preview: Preview, why: str) -> None:
        """Request the removal of the preview with all its data. Does nothing if it is being removed already.

        Raises StoreUnavailable.
        """
        store, now = self._store, self._clock.now()
        if await self.is_ending(preview.name):
            return
        event = Event(at=now, actor=PVDIFY.name, action=Action.PREVIEW_ENDED, app=preview.name, text=why)
        if await store.app(preview.name) is None:
            # the daemon was killed after the preview was recorded and before its app was created
            await store.delete_app(preview.name, event)
            return
        await store.save(event)
        await self._requests.destroy_app(preview.name, preview.name, PVDIFY)

    async def is_ending(self, name: str) -> bool:
        """Return whether the preview is being removed."""
        operations = await self._store.unsettled_operations(name)
        return any(operation.kind is OperationKind.DESTROY for operation in operations)

    async def _view(self, preview: Preview) -> PreviewView:
        newest = await self._store.releases(preview.name, limit=1)
        return PreviewView(
            preview=preview,
            newest=await self._views.release(newest[0]) if newest else None,
            is_ending=await self.is_ending(preview.name),
        )

    async def _policy(
        self, parent: str, name: str, given: Manifest | None, actor: Actor, *, is_fork: bool
    ) -> Policy:  # fmt: skip
        """Return the policy of the app's previews: from the live app or its staging app, else from the given manifest.

        This way a pull request cannot raise its own limits. The manifest of a fork is ignored. With a token for one
        app, the given manifest counts only while nothing of the app is live, and within the defaults.
        """
        is_live = False
        for app in (parent, f"{parent}-staging"):
            live = await self._store.active_release(app)
            is_live = is_live or live is not None
            if live is not None and live.manifest.previews != Policy():
                return live.manifest.previews
        if given is not None and not is_fork and actor.app is None:
            return given.previews
        if is_live:
            return Policy()
        if given is not None and not is_fork:
            check_config_source(name, given, None, actor)
            return previews.within_defaults(given.previews)
        newest = await self._store.releases(name, limit=1)
        return newest[0].manifest.previews if newest else Policy()

    async def _check_count(self, what: str, name: str, manifest: Manifest) -> None:
        scale = await self._store.scale(name)
        services, most = len(manifest.previews.services), manifest.previews.instances
        wanted = sum(scale.count(it, manifest) for it in manifest.processes) + services
        if wanted > most:
            raise InvalidError(
                f"{what}: it would have {wanted} instances" + (f", {services} of them services" if services else ""),
                why=f"a preview of this app has at most {most} (`previews.instances`)",
                next="lower the counts in its manifest, or raise `previews.instances` in that of its app",
            )

    async def _check_startable(self, name: str, request: PreviewRequest, policy: Policy) -> None:
        """Check, before anything is created, what later steps would refuse. Raises NothingToDeploy, InvalidError."""
        if request.deploy.image is None:
            raise NothingToDeploy(
                f"{name} is new, so it needs an image",
                next="name the image that your CI pushed for this pull request: --image REFERENCE",
            )
        source = await self._config_source(name, policy)
        if policy.basic_auth is not None:
            await self._gate(name, policy.basic_auth, source or name)

    async def _make_room(self, parent: str, name: str, policy: Policy) -> None:
        found = await self._store.previews(parent)
        staying = tuple([it for it in found if not await self.is_ending(it.name)])
        if len(staying) < policy.max:
            return
        leaving = previews.first_to_give_way(staying)
        if leaving is None or policy.max == 0:
            raise PreviewLimit(
                f"{name} was not made: {parent} may have {policy.max} previews, and has {len(staying)}",
                why="all of them are of open pull requests" if policy.max else "`previews.max` is 0",
                next=f"close one (`pvdify previews {parent}` lists them), or raise `previews.max` in its manifest",
            )
        await self.end(leaving, f"makes room for {name}")

    async def _renew(
        self, preview: Preview | None, parent: str, number: int, request: PreviewRequest, policy: Policy, actor: Actor
    ) -> Preview:
        """Store the new or updated preview before its parts are created, so that the reaper finds leftovers."""
        now, linked = self._clock.now(), await self._store.origin_of(parent)
        repository = request.repository or (preview.repository if preview else None) or (linked[0] if linked else None)
        if preview is not None:
            current = replace(
                preview,
                repository=repository,
                lease=policy.lease,
                close_delay=policy.close_delay,
            )
            if current != preview:
                await self._store.save(current)
            return await self.note_pull_request(current, PullRequestState(is_open=True, as_of=request.as_of), actor)
        name = preview_name(parent, number)
        fresh = replace(previews.new_preview(name, parent, number, policy, now, repository), known_at=request.as_of)
        text = f"pull request {number}" + (f" of {repository}" if repository else "")
        opened = Event(
            at=now, actor=actor.name, address=actor.address, action=Action.PREVIEW_OPENED, app=name, text=text
        )
        await self._store.save(fresh, opened)
        return fresh

    async def _copy_config(self, name: str, policy: Policy, actor: Actor) -> None:
        """Create the app of a new preview, and copy the config vars of ``config_from``. Later changes are separate."""
        store = self._store
        if await store.config_versions(name) or await store.releases(name, limit=1):
            return
        if await store.app(name) is None:
            await self._requests.create_app(name, actor)
        source = await self._config_source(name, policy)
        if source is None:
            return
        versions = await store.config_versions(source)
        values = await self._secrets.read(source, versions[0].version) if versions else {}
        if values:
            await self._requests.change_config(name, values, actor)

    async def _set_gate(self, name: str, policy: Policy) -> None:
        """Store the login that visitors need, from the preview's own config vars. Raises InvalidError if it is missing.

        The gate is stored before the preview is routed, so a preview with a gate is never open to visitors.
        """
        app = await self._store.app(name)
        gate = await self._gate(name, policy.basic_auth, name) if policy.basic_auth is not None else None
        if app is not None and app.gate != gate:
            await self._store.save(replace(app, gate=gate))

    async def _gate(self, name: str, key: str, source: str) -> str:
        versions = await self._store.config_versions(source)
        values = await self._secrets.read(source, versions[0].version) if versions else {}
        try:
            return previews.gate_of(values[key].value if key in values else "")
        except ValueError as error:
            repair = f"set `previews.config_from` to an app that has {key}, or leave `previews.basic_auth` out"
            if await self._store.app(source) is not None:
                repair = f"`pvdify config:set {source} {key}=-`, then deploy again"
            raise InvalidError(
                f"{name} was not deployed: `previews.basic_auth` names the config var {key}",
                why=f"{source} has {key}, but it is not name:password" if key in values else f"{source} has no {key}",
                next=repair,
            ) from error

    async def _config_source(self, name: str, policy: Policy) -> str | None:
        """Return the app whose config vars previews get, or None.

        Raises InvalidError if it is a production app or does not exist.
        """
        source = policy.config_from
        if source is None:
            return None
        if environment_of(source) is Environment.PRODUCTION:
            raise InvalidError(
                f"{name} was not made: `previews.config_from` names {source}, which is in production",
                why="anyone who opens a pull request would get production's secrets",
                next=f"name a staging app, like {source}-staging, and set its config with `pvdify config:set`",
            )
        if await self._store.app(source) is None:
            raise InvalidError(
                f"{name} was not made: `previews.config_from` names {source}, which is not on this server",
                next=f"`pvdify apps:create {source}`, then `pvdify config:set {source} KEY=VALUE`",
            )
        return source

    async def _inherited(self, name: str, parent: str, policy: Policy) -> Manifest:
        """Return the preview's manifest, else the live one of its app, else of ``config_from``, else an empty one."""
        if (coming := await self._requests.coming(name)) is not None:
            return coming.manifest
        for app in (name, parent, policy.config_from):
            live = await self._store.active_release(app) if app else None
            if live is not None:
                return live.manifest
        return Manifest()


def _check_parent(parent: str, number: int) -> None:
    """Refuse the preview of a preview: it would not count as one of the app's, and a preview's token could make it."""
    if found := parent_of(parent):
        app = found[0]
        raise InvalidError(
            f"{parent} is a preview, which has no previews of its own",
            next=f"`pvdify preview {app} --pr {number}` makes one of {app}",
        )


def _check_repository(name: str | None) -> None:
    """Raise InvalidError unless the name is OWNER/NAME.

    The name becomes part of a GitHub API address that is requested with the server's token.
    """
    if name is not None and not REPOSITORY.fullmatch(name):
        raise InvalidError(
            "the repository of this preview is not one", why="expected OWNER/NAME",
            next="pass it as GITHUB_REPOSITORY has it, or leave it out",
        )  # fmt: skip


def _check_fork(name: str, policy: Policy, request: PreviewRequest) -> None:
    if not request.is_fork or policy.allow_forks or policy.fork_label in request.labels:
        return
    raise ForkNotAllowed(
        f"{name} was not made: its pull request comes from a fork",
        why="a fork's code would run with the config of your previews",
        next=f'after reading the code, give the pull request the label "{policy.fork_label}"; '
        "`previews.allow_forks: true` in the app's manifest allows all forks",
    )
