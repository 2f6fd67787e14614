"""What a move of the server to another runtime does to each app and service. Changes nothing."""

from dataclasses import dataclass

from pvdify.engine.deploys.runtime_moves import RuntimeMoves
from pvdify.engine.deploys.steps.admit import first_guess_of_memory
from pvdify.engine.world.concurrency import settle
from pvdify.engine.world.runtime_queries import RuntimeQueries
from pvdify.engine.world.runtimes import runtime_in_effect
from pvdify.errors import PvdifyError
from pvdify.model.instance import Role
from pvdify.model.release import Failure
from pvdify.model.runtime_choice import CLUSTER, RuntimeChoice, are_apart
from pvdify.model.slot import Slot, SlotState
from pvdify.ports.clock import Clock
from pvdify.ports.host import Host
from pvdify.ports.instances import Instances
from pvdify.ports.store import Store
from pvdify.ports.volumes import Volumes
from pvdify.quantities import format_bytes
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class CopiedVolume:
    """A volume that a move copies. ``size``: bytes, in the cluster those that its claim reserves; None if not known."""

    name: str
    size: int | None


@dataclass(frozen=True, kw_only=True)
class AppOnRuntime:
    """An app with a live release, and its move.

    ``state``: ``there``, ``to move``, ``failed``, or ``stays`` if it cannot be there at all. ``memory``: bytes that the
    new instances are assumed to need while both slots run. ``held``: exclusive volumes; the router holds requests while
    the app is handed over, for at most ``hold`` seconds. ``copied``: the volumes that are copied meanwhile.
    ``problem``: why the app cannot move, or why its last move failed.
    """

    app: str
    runtime: str
    state: str
    instances: tuple[str, ...]
    memory: int
    held: tuple[str, ...] = ()
    copied: tuple[CopiedVolume, ...] = ()
    hold: float = 0.0
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class RuntimeView:
    """The runtime of the server, and a move to ``target``.

    ``setting``: the value of the setting ``runtime``. ``obstacle``: why no instance can run on the target.
    ``services``: the services whose containers are on another runtime; each moves at its next restart.
    """

    runtime: str
    setting: str
    target: str
    choice: RuntimeChoice | None
    obstacle: str
    apps: tuple[AppOnRuntime, ...]
    services: tuple[str, ...]


class RuntimePlan:
    """Answers questions about the server's runtime."""

    def __init__(
        self, *, clock: Clock, host: Host, instances: Instances, settings: Settings, runtime_queries: RuntimeQueries,
        store: Store, volumes: Volumes, moves: RuntimeMoves,
    ) -> None:  # fmt: skip
        self._clock, self._host, self._instances = clock, host, instances
        self._settings, self._runtime_queries, self._store = settings, runtime_queries, store
        self._volumes, self._moves = volumes, moves

    async def show(self, target: str | None = None) -> RuntimeView:
        """Return the runtime in effect, and what a move to ``target`` (default: the one in effect) does.

        The sizes of volumes are measured only with ``target``: that may take seconds, and clients poll without it.
        Raises InvalidError (no such runtime), StoreUnavailable.
        """
        runtime, is_plan = await runtime_in_effect(self._store, self._settings), target is not None
        target = target or runtime
        obstacle = await self._moves.obstacle(target) if target != runtime else ""
        choice = await self._store.runtime_choice()
        live = sorted(
            (slot for slot in await self._store.slots() if slot.state is SlotState.LIVE), key=lambda slot: slot.app
        )
        apps = [await self._app(slot, target, choice, is_plan=is_plan) for slot in live]
        return RuntimeView(
            runtime=runtime,
            setting=self._settings.runtime,
            target=target,
            choice=choice,
            obstacle=obstacle,
            apps=tuple(apps),
            services=await self._services_elsewhere(target),
        )

    async def _app(self, slot: Slot, target: str, choice: RuntimeChoice | None, *, is_plan: bool) -> AppOnRuntime:
        release, scale = await self._store.release(slot.app, slot.number), await self._store.scale(slot.app)
        runtime = slot.runtime or self._settings.runtime
        there = AppOnRuntime(
            app=slot.app, runtime=runtime, state="there", memory=0,
            instances=tuple(f"{place.process}.{place.number}" for place in slot.placements),
        )  # fmt: skip
        if runtime == target or release is None:
            return there
        memory = first_guess_of_memory(release.manifest, scale.counts(release.manifest)) if slot.placements else 0
        copied = await self._copied(slot, target, is_plan=is_plan)
        exclusive = {name for name, volume in release.volumes.items() if volume.is_exclusive}
        held = tuple(sorted(exclusive | {volume.name for volume in copied}))
        failure = await self._moves.failure_of(slot.app, choice) if choice and choice.name == target else None
        tie = await self._moves.tie_of(slot, target)
        problem = _text_of(failure) if failure else tie or await self._lack_of_memory(memory, target)
        state = "failed" if failure else "stays" if tie else "to move"
        return AppOnRuntime(
            app=slot.app, runtime=runtime, state=state, instances=there.instances, memory=memory,
            held=held if slot.placements else (), copied=copied, hold=release.manifest.hold, problem=problem,
        )  # fmt: skip

    async def _copied(self, slot: Slot, target: str, *, is_plan: bool) -> tuple[CopiedVolume, ...]:
        volumes = await self._moves.volumes_to_copy(slot, target)
        sizes = await settle(*(self._volumes.size(it.id) for it in volumes)) if is_plan else [None] * len(volumes)
        return tuple(CopiedVolume(name=it.name, size=size) for it, size in zip(volumes, sizes, strict=True))

    async def _lack_of_memory(self, memory: int, target: str) -> str:
        if target == CLUSTER:  # it knows its own room
            return ""
        available = (await self._host.capacity()).available_memory
        needed = memory + self._settings.min_free_memory
        if not memory or available is None or available >= needed:
            return ""
        return f"{format_bytes(needed)} of memory are needed for both slots, {format_bytes(available)} are available"

    async def _services_elsewhere(self, target: str) -> tuple[str, ...]:
        """Return the services with a container on another runtime; none if the runtime does not answer."""
        try:
            seen = await self._runtime_queries.instances(self._instances, self._clock)
        except PvdifyError:
            return ()
        if are_apart(target, self._settings.runtime):
            return ()  # services stay
        elsewhere = {it.name for it in seen.instances if it.role is Role.SERVICE and it.runtime not in ("", target)}
        return tuple(sorted(it.name for it in await self._store.services() if it.container in elsewhere))


def _text_of(failure: Failure) -> str:
    return f"{failure.what}: {failure.why}" if failure.why else failure.what
