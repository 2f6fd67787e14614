"""What may be asked about previews: one is opened or updated, closed, and hears of its pull request."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pvdify.engine.requests import DeployRequest, Idempotency, Requests
from pvdify.engine.world import World
from pvdify.errors import AppBusy, ForkNotAllowed, InvalidError, NothingToDeploy, PreviewLimit, PreviewNotFound
from pvdify.manifest.definition import Manifest
from pvdify.manifest.definition import Previews as Policy
from pvdify.manifest.reading import parse_manifest
from pvdify.model import preview as previews
from pvdify.model.event import Event
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.names import Environment, check_app_name, environment_of, preview_name
from pvdify.model.operation import OperationKind
from pvdify.model.preview import Preview, Sign
from pvdify.model.release import Release, Source
from pvdify.model.token import Actor, Role

PVDIFY = Actor(name="pvdify", role=Role.ADMIN)


@dataclass(frozen=True, kw_only=True)
class PreviewRequest:
    """A preview as it was asked for; see ``wire.requests.PutPreview``."""

    image: str | None = None
    manifest: str | dict[str, Any] | None = None
    source: Source = field(default_factory=Source)
    repository: str | None = None
    is_fork: bool = False
    labels: tuple[str, ...] = ()
    as_of: datetime | None = None


class PreviewRequests:
    """The engine's front door for previews."""

    def __init__(self, world: World, requests: Requests) -> None:
        self._world = world
        self._requests = requests

    async def open(
        self, parent: str, number: int, request: PreviewRequest, actor: Actor, idempotency: Idempotency | None = None
    ) -> tuple[Preview, Release]:
        """Make the preview or update it in place; a preview whose pull request was closed is kept after all.

        Raises InvalidError (names, image, manifest, ``previews.config_from``), NothingToDeploy, ForkNotAllowed,
        PreviewLimit, AppBusy (the last preview of this number is on its way out), StoreUnavailable.
        """
        name = preview_name(check_app_name(parent), number)
        given = parse_manifest(request.manifest) if request.manifest is not None else None
        if request.image is not None:
            parse_image_reference(request.image)
        policy = await self._policy(parent, name, given, is_fork=request.is_fork)
        _check_fork(name, policy, request)
        async with self._world.locks.previews:
            if await self.is_ending(name):
                raise AppBusy(f"the last {name} is just being taken away", next="the same again in a few seconds")
            preview = await self._world.store.preview(name)
            if preview is None:
                await self._check_startable(name, request, policy)
                await self._make_room(parent, name, policy)
            preview = await self._renew(preview, parent, number, request, policy, actor)
            await self._copy_config(name, policy, actor)
            await self._set_gate(name, policy)
        manifest = given or await self._inherited(name, parent, policy)
        deploy = DeployRequest(
            image=request.image,
            manifest=previews.manifest_for_preview(manifest, policy).model_dump(mode="json"),
            source=request.source,
        )
        return preview, await self._requests.deploy(name, deploy, actor, idempotency)

    async def list(self, parent: str) -> tuple[Preview, ...]:
        """An app's previews, by number. Raises StoreUnavailable."""
        return await self._world.store.previews(parent)

    async def get(self, parent: str, number: int) -> Preview:
        """One preview. Raises PreviewNotFound, StoreUnavailable."""
        preview = await self._world.store.preview(f"{parent}-pr-{number}")
        if preview is None:
            raise PreviewNotFound(
                f"{parent} has no preview of pull request {number}", next=f"`pvdify previews {parent}` lists them"
            )
        return preview

    async def newest_release(self, name: str) -> int | None:
        """The number of a preview's newest release. Raises StoreUnavailable."""
        newest = await self._world.store.releases(name, limit=1)
        return newest[0].version if newest else None

    async def close(self, parent: str, number: int, actor: Actor, as_of: datetime | None = None) -> Preview:
        """The pull request is closed: the preview goes after its close delay. Closing twice postpones nothing.

        Raises PreviewNotFound, StoreUnavailable.
        """
        async with self._world.locks.previews:
            return await self.hear(await self.get(parent, number), Sign(is_open=False, as_of=as_of), actor)

    async def hear(self, preview: Preview, sign: Sign, actor: Actor) -> Preview:
        """Take the sign in, and note what it changes. Raises StoreUnavailable."""
        now = self._world.clock.now()
        heard = previews.after(preview, sign, now)
        if heard == preview:
            return preview
        records: list[Preview | Event] = [heard]
        if heard.is_open is not preview.is_open:
            action = "preview.reopened" if heard.is_open else "preview.closed"
            text = "" if heard.is_open else f"goes at {heard.ends_at:%Y-%m-%d %H:%M}Z"
            records.append(Event(at=now, actor=actor.name, action=action, app=preview.name, text=text))
        await self._world.store.save(*records)
        return heard

    async def end(self, preview: Preview, why: str) -> None:
        """Take the preview away now, with everything of it; asking again while it goes changes nothing.

        Raises StoreUnavailable.
        """
        store, now = self._world.store, self._world.clock.now()
        if await self.is_ending(preview.name):
            return
        event = Event(at=now, actor=PVDIFY.name, action="preview.ended", app=preview.name, text=why)
        if await store.app(preview.name) is None:
            # Asked for, and the daemon died before anything was made of it.
            await store.delete_app(preview.name, event)
            return
        await store.save(event)
        await self._requests.destroy_app(preview.name, preview.name, PVDIFY)

    async def is_ending(self, name: str) -> bool:
        """Whether the preview is on its way out."""
        operations = await self._world.store.unsettled_operations(name)
        return any(operation.kind is OperationKind.DESTROY for operation in operations)

    async def _policy(self, parent: str, name: str, given: Manifest | None, *, is_fork: bool) -> Policy:
        """What previews of the app are like: as the app says where it is live, else as its own manifest does.

        So a pull request cannot give itself more than its app's previews have; a fork's has no say at all.
        """
        for app in (parent, f"{parent}-staging"):
            live = await self._world.store.active_release(app)
            if live is not None and live.manifest.previews != Policy():
                return live.manifest.previews
        if given is not None and not is_fork:
            return given.previews
        newest = await self._world.store.releases(name, limit=1)
        return newest[0].manifest.previews if newest else Policy()

    async def _check_startable(self, name: str, request: PreviewRequest, policy: Policy) -> None:
        """Whatever would be refused later is refused before anything is made."""
        if request.image is None:
            raise NothingToDeploy(
                f"{name} is new, so it needs an image",
                next="name the image that your CI pushed for this pull request: --image REFERENCE",
            )
        source = await self._config_source(name, policy)
        if policy.basic_auth is not None:
            await self._gate(name, policy.basic_auth, source or name)

    async def _make_room(self, parent: str, name: str, policy: Policy) -> None:
        found = await self._world.store.previews(parent)
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
        """On disk before anything is made, so that the reaper knows of everything that may be left over."""
        now, linked = self._world.clock.now(), await self._world.store.origin_of(parent)
        repository = request.repository or (preview.repository if preview else None) or (linked[0] if linked else None)
        if preview is not None:
            current = replace(
                preview,
                repository=repository,
                lease=policy.lease,
                close_delay=policy.close_delay,
            )
            if current != preview:
                await self._world.store.save(current)
            return await self.hear(current, Sign(is_open=True, as_of=request.as_of), actor)
        name = preview_name(parent, number)
        fresh = replace(previews.new_preview(name, parent, number, policy, now, repository), known_at=request.as_of)
        text = f"pull request {number}" + (f" of {repository}" if repository else "")
        opened = Event(at=now, actor=actor.name, action="preview.opened", app=name, text=text)
        await self._world.store.save(fresh, opened)
        return fresh

    async def _copy_config(self, name: str, policy: Policy, actor: Actor) -> None:
        """A new preview begins with the config of ``config_from``; from then on it has its own."""
        store = self._world.store
        if await store.config_versions(name) or await store.releases(name, limit=1):
            return
        if await store.app(name) is None:
            await self._requests.create_app(name, actor)
        source = await self._config_source(name, policy)
        if source is None:
            return
        versions = await store.config_versions(source)
        values = await self._world.secrets.read(source, versions[0].version) if versions else {}
        if values:
            await self._requests.change_config(name, values, actor)

    async def _set_gate(self, name: str, policy: Policy) -> None:
        """Visitors need what the preview's own config says they do. Raises InvalidError: it says nothing usable.

        On disk before the preview is routed, so one that should have a gate is never open.
        """
        app = await self._world.store.app(name)
        gate = await self._gate(name, policy.basic_auth, name) if policy.basic_auth is not None else None
        if app is not None and app.gate != gate:
            await self._world.store.save(replace(app, gate=gate))

    async def _gate(self, name: str, key: str, source: str) -> str:
        versions = await self._world.store.config_versions(source)
        values = await self._world.secrets.read(source, versions[0].version) if versions else {}
        try:
            return previews.gate_of(values[key].value if key in values else "")
        except ValueError as error:
            raise InvalidError(
                f"{name} was not deployed: `previews.basic_auth` names the config var {key}",
                why=f"{source} has {key}, but it is not name:password" if key in values else f"{source} has no {key}",
                next=f"`pvdify config:set {source} {key}=-`; without `previews.config_from` leave "
                "`previews.basic_auth` out",
            ) from error

    async def _config_source(self, name: str, policy: Policy) -> str | None:
        """The app whose config previews get. Raises InvalidError: production's is for production."""
        source = policy.config_from
        if source is None:
            return None
        if environment_of(source) is Environment.PRODUCTION:
            raise InvalidError(
                f"{name} was not made: `previews.config_from` names {source}, which is in production",
                why="whoever opens a pull request would get production's secrets",
                next=f"name a staging app, like {source}-staging, and set its config with `pvdify config:set`",
            )
        if await self._world.store.app(source) is None:
            raise InvalidError(
                f"{name} was not made: `previews.config_from` names {source}, which is not on this server",
                next=f"`pvdify apps:create {source}`, then `pvdify config:set {source} KEY=VALUE`",
            )
        return source

    async def _inherited(self, name: str, parent: str, policy: Policy) -> Manifest:
        """What the preview ran with, else what its app or the app that its config is from runs with."""
        for app in (name, parent, policy.config_from):
            live = await self._world.store.active_release(app) if app else None
            if live is not None:
                return live.manifest
        return Manifest()


def _check_fork(name: str, policy: Policy, request: PreviewRequest) -> None:
    if not request.is_fork or policy.allow_forks or policy.fork_label in request.labels:
        return
    raise ForkNotAllowed(
        f"{name} was not made: its pull request comes from a fork",
        why="a fork's code would run with the config of your previews",
        next=f'after reading the code, give the pull request the label "{policy.fork_label}"; '
        "`previews.allow_forks: true` in the app's manifest allows all forks",
    )
