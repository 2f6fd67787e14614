"""Keeps the configuration of the edge up to date in the background, so that no deploy waits for the edge."""

import asyncio
import random
from dataclasses import dataclass, replace

import structlog

from pvdify.engine.reading.server import Check
from pvdify.engine.world.urls import EDGE_KEYS
from pvdify.errors import InvalidError, PvdifyError, ServiceUnavailable
from pvdify.model.action import Action
from pvdify.model.app import App, hostnames_of
from pvdify.model.edge import EdgeLink, EdgeState, EdgeStatus, EdgeWanted, target_url, wanted_edge, wanted_edge_direct
from pvdify.model.event import Event
from pvdify.model.instance import Secret
from pvdify.model.release import Failure, Release
from pvdify.model.token import PVDIFY, Actor
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.edge import Edge, TunnelProcess
from pvdify.ports.router import Router
from pvdify.ports.store import Store
from pvdify.settings import Address, Settings
from pvdify.timing import BackOff, first_of

log = structlog.get_logger()
PAUSE = 2.0  # seconds between two comparisons of the wanted configuration with the last one, while records are written
LOOK_AGAIN = 300.0  # seconds after which the configuration is put again, even if nothing changed here
BACK_OFF = BackOff(first=2.0, longest=300.0)


@dataclass(frozen=True, kw_only=True)
class EdgeView:
    """The state of the edge. ``failure``: the error of the last update; ``process``: text about the tunnel program."""

    kind: str
    wanted: EdgeWanted
    state: EdgeState | None = None
    process: str = ""
    failure: Failure | None = None


class EdgeKeeper:
    """Connects and disconnects the server's edge, and updates its configuration until canceled."""

    def __init__(  # noqa: PLR0913 - one for each port and part
        self, *, clock: Clock, credentials: Credentials, edge_board: EdgeStatus, router: Router, settings: Settings,
        store: Store, edge: Edge, process: TunnelProcess, chance: random.Random | None = None,
    ) -> None:  # fmt: skip
        self._clock, self._credentials, self._edge_board = clock, credentials, edge_board
        self._router, self._settings, self._store = router, settings, store
        self._edge = edge
        edge_board.explain = edge.explain
        self._process = process
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._lock = asyncio.Lock()
        self._view: EdgeView | None = None
        self._failures = 0
        self._next = 0.0
        self._router_follows: bool | None = None  # whether the router is configured for an edge; None: not known yet
        self._pending_version: int | None = None  # a version of the rules that the tunnel program has not loaded yet

    @property
    def address_headers(self) -> tuple[str, ...]:
        """Request headers in which the edge sends the visitor's address."""
        return self._edge.address_headers

    async def show(self) -> EdgeView | None:
        """Return the state of the edge, or None if no edge is connected. Raises StoreUnavailable."""
        if await self._link() is None:
            return None
        return self._view or EdgeView(kind=self._edge.kind, wanted=await self._wanted())

    async def check(self) -> Check:
        """Return the edge's line for the server's status, as of the last update. Raises StoreUnavailable."""
        view = await self.show()
        if view is None:
            return Check(name="edge", state="ok", text="none: visitors come by what you put in front of the router")
        if view.failure is not None:
            failure = view.failure
            text = ": ".join(filter(None, (failure.what, failure.why)))
            return Check(name="edge", state="broken", text=text, next=failure.next)
        if view.state is None:
            return Check(name="edge", state="ok", text=f"{self._edge.kind}, not checked yet since pvdifyd started")
        state, more = view.state, "`pvdify server edge` says more"
        if state.problems:
            text = f"{len(state.problems)} of {len(view.wanted.hostnames)} hostnames are not routed here"
            return Check(name="edge", state="warning", text=text, next=more)
        # The health is from the last update; rules_in_force asks the tunnel program, so it is current.
        if state.health != "healthy" and await self._edge.rules_in_force() is None:
            return Check(name="edge", state="warning", text=f"tunnel {state.tunnel} is {state.health}", next=more)
        return Check(name="edge", state="ok", text=f"tunnel {state.tunnel}, hostnames: {len(view.wanted.hostnames)}")

    async def connect(self, link: EdgeLink, actor: Actor) -> EdgeView:
        """Connect the edge and put its configuration. If the edge is unavailable, ``run`` retries that.

        Raises InvalidError, EdgeRefused (then the keys are not stored), StoreUnavailable.
        """
        if not link.token or not link.token.isascii() or not link.token.isprintable() or " " in link.token:
            raise InvalidError(
                "this is no API token", next=f"`pvdify server edge {self._edge.kind}` reads one line from stdin"
            )
        async with self._lock:
            before, wanted = await self._link(), await self._wanted()
            if before is not None and before.tunnel != link.tunnel:
                await self._edge.remove(wanted, replace(before, token=link.token))
            try:
                view = await self._put(wanted, link)
            except ServiceUnavailable as error:
                view = EdgeView(kind=self._edge.kind, wanted=wanted, failure=Failure.of(error))
            if view.failure is not None:
                self._postpone()
            keys = {"token": link.token} | ({"tunnel": Secret(link.tunnel)} if link.tunnel else {})
            await self._credentials.write(EDGE_KEYS, keys)
            self._view = view
            await self._configure_router(has_edge=True)
            await self._note(Action.EDGE_CONNECTED, view.state.tunnel if view.state else "", actor)
        return view

    async def disconnect(self, actor: Actor) -> None:
        """Remove everything that pvdify made at the edge, and the keys. Does nothing if no edge is connected.

        Raises ServiceUnavailable, EdgeRefused (then the edge stays connected), RuntimeUnavailable, StoreUnavailable.
        """
        async with self._lock:
            link = await self._link()
            if link is None:
                return
            await self._process.stop()
            await self._edge.remove(await self._wanted(), link)
            await self._credentials.remove(EDGE_KEYS)
            await self._configure_router(has_edge=False)
            self._view = self._pending_version = self._edge_board.arrived = None
            await self._note(Action.EDGE_DISCONNECTED, "", actor)

    async def run(self) -> None:
        """Update the edge forever: soon after a record is written, when a retry is due, and at ``LOOK_AGAIN``."""
        while True:
            seen = self._store.writes
            await self.update()
            await self._clock.sleep(PAUSE)
            if not self._failures and self._pending_version is None:
                until = self._next - self._clock.monotonic() if self._view is not None else LOOK_AGAIN
                await first_of(self._store.next_write(seen), self._clock.sleep(max(0.0, until)))

    async def update(self) -> None:
        """Put the edge's configuration if it changed or ``LOOK_AGAIN`` has passed. Never raises: errors are logged."""
        try:
            async with self._lock:
                await self._update()
        except PvdifyError as error:
            log.warning("edge.failed", code=error.code, what=error.what, why=error.why)
        except Exception:
            log.exception("edge.crashed")

    async def _update(self) -> None:
        link = await self._link()
        await self._configure_router(has_edge=link is not None)
        if link is None:
            return
        wanted, now = await self._wanted(), self._clock.monotonic()
        is_done = self._view is not None and self._view.failure is None and self._view.wanted == wanted
        if now < self._next and (is_done or self._failures):
            await self._note_arrival()
            return
        try:
            view = await self._put(wanted, link)
        except PvdifyError as error:
            state = self._view.state if self._view else None
            view = EdgeView(kind=self._edge.kind, wanted=wanted, state=state, failure=Failure.of(error))
        await self._remember(view)
        await self._note_arrival()

    async def _put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeView:
        """Put the edge's configuration, then start the tunnel program.

        If the program cannot be started, the result has the failure. Raises ServiceUnavailable, EdgeRefused.
        """
        state = await self._edge.put(wanted, link)
        try:
            process = await self._process.ensure_running(state.run_token)
        except PvdifyError as error:
            return EdgeView(kind=self._edge.kind, wanted=wanted, state=state, failure=Failure.of(error))
        self._failures, self._next = 0, self._clock.monotonic() + LOOK_AGAIN
        self._pending_version = state.version
        return EdgeView(kind=self._edge.kind, wanted=wanted, state=state, process=process)

    async def _note_arrival(self) -> None:
        """Record that the new rules are in force once the tunnel program, not only the edge, has them."""
        if self._pending_version is None or self._view is None or self._view.failure is not None:
            return
        version = await self._edge.rules_in_force()
        if version is not None and version >= self._pending_version:
            self._edge_board.arrived, self._pending_version = self._view.wanted, None

    async def _remember(self, view: EdgeView) -> None:
        """Remember the result of an update. The first failure and the recovery are events; retries are not."""
        before, self._view = self._view, view
        was_well = before is None or before.failure is None
        if view.failure is None:
            if not was_well:
                await self._note(Action.EDGE_RECOVERED, view.state.tunnel if view.state else "", PVDIFY)
            return
        log.warning("edge.failed", code=view.failure.code, what=view.failure.what, why=view.failure.why)
        self._postpone()
        if was_well:
            await self._note(Action.EDGE_FAILED, f"{view.failure.code}: {view.failure.what}", PVDIFY)

    def _postpone(self) -> None:
        self._failures += 1
        self._next = self._clock.monotonic() + BACK_OFF.spread(self._failures, self._chance)

    async def _configure_router(self, *, has_edge: bool) -> None:
        """Configure the router to trust the edge's address headers, or not. A failure is retried at the next update."""
        if self._router_follows is has_edge:
            return
        try:
            await self._router.ensure_running()
        except PvdifyError as error:
            log.warning("edge.router_unavailable", code=error.code, what=error.what, why=error.why)
        else:
            self._router_follows = has_edge

    async def _link(self) -> EdgeLink | None:
        keys = await self._credentials.read(EDGE_KEYS)
        if keys is None:
            return None
        return EdgeLink(token=keys["token"], tunnel=str(keys["tunnel"]) if "tunnel" in keys else None)

    async def _wanted(self) -> EdgeWanted:
        """Return the wanted configuration: hostnames of all apps, even without a release, and of this server's API."""
        settings, store = self._settings, self._store
        active = {release.app: release for release in await store.active_releases()}
        services: dict[str, str] = {}
        if settings.public_hostname is not None:
            services[settings.public_hostname] = router_url(settings.router_listen)
        for app in await store.apps():
            release = active.get(app.name)
            service = await self._service(app, release)
            for hostname in hostnames_of(app, settings.base_domain, release.manifest if release else None):
                services[hostname] = service
        if settings.edge_mode == "direct":
            return wanted_edge_direct(services, settings.base_domain)
        return wanted_edge(services, settings.base_domain, router_url(settings.router_listen))

    async def _service(self, app: App, release: Release | None) -> str:
        """Return the URL of the app's only instance if ``edge_mode`` is direct, else the URL of the router."""
        is_direct = self._settings.edge_mode == "direct" and not app.is_in_maintenance
        if is_direct and release is not None and release.slot is not None:
            slot = await self._store.slot(app.name, release.slot)
            if slot is not None and len(slot.targets) == 1:
                return target_url(slot.targets[0])
        return router_url(self._settings.router_listen)

    async def _note(self, action: Action, text: str, actor: Actor) -> None:
        now = self._clock.now()
        await self._store.save(Event(at=now, actor=actor.name, address=actor.address, action=action, text=text))


def router_url(listen: Address) -> str:
    """Return the URL of the router for programs on this machine."""
    return f"http://{listen.from_here}"
