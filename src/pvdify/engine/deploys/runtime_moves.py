"""Moves apps to another container runtime, one after the other, by a release that repeats the live one.

Between this machine and a cluster, the operation of that release also copies the app's volumes.

The store has only the choice. What is left to move is read from the slots each time, so a move continues after a
restart of pvdifyd at any moment.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace

import structlog

from pvdify.engine.deploys.requests import Requests
from pvdify.engine.deploys.worker import Worker
from pvdify.engine.running.snapshot import is_settled
from pvdify.engine.world.concurrency import Changes, Locks
from pvdify.engine.world.runtimes import for_side_of, leaves_its_slot, link_tie_of, runtime_in_effect, volumes_of_app
from pvdify.errors import InvalidError, NotCancelable, NothingToCancel, PvdifyError
from pvdify.model.action import Action
from pvdify.model.event import Event
from pvdify.model.operation import Operation, OperationKind, Strategy, operation_id
from pvdify.model.release import Failure, Release, ReleaseStatus
from pvdify.model.runtime_choice import MoveState, RuntimeChoice, are_apart
from pvdify.model.slot import Slot, SlotState
from pvdify.model.token import Actor
from pvdify.model.volume import AppVolume
from pvdify.ports.clock import Clock
from pvdify.ports.runtime_options import RuntimeOptions
from pvdify.ports.store import Store
from pvdify.settings import Settings
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE = 0.5  # seconds between two checks of the app that is being moved
RETRY = 10.0  # seconds after an error of the store


@dataclass(frozen=True, kw_only=True)
class RuntimeInEffect:
    """The runtime of new slots, and whether apps are being moved to it."""

    name: str
    is_moving: bool


class RuntimeMoves:
    """Changes the runtime of the server, and moves its apps."""

    def __init__(
        self, *, changes: Changes, clock: Clock, locks: Locks, options: RuntimeOptions, settings: Settings,
        store: Store, requests: Requests, worker: Worker,
    ) -> None:  # fmt: skip
        self._changes, self._clock, self._locks, self._options = changes, clock, locks, options
        self._settings, self._store = settings, store
        self._requests, self._worker = requests, worker
        self._due = asyncio.Event()

    async def choose(self, name: str, actor: Actor) -> RuntimeChoice:
        """Put all new slots on this runtime, and move the live ones; apps whose move failed before are tried again.

        Raises InvalidError (no such runtime, or no instance can run on it here), StoreUnavailable.
        """
        if obstacle := await self.obstacle(name):
            raise InvalidError(
                f"apps cannot move to {name}", why=obstacle, next="`pvdify server runtime` shows the one in effect"
            )
        known = await self._store.runtime_choice()
        before = await runtime_in_effect(self._store, self._settings)
        if known is not None and known.name == name and known.state is MoveState.MOVING:
            before = known.before
        choice = RuntimeChoice(
            name=name, before=before, state=MoveState.MOVING, chosen_at=self._clock.now(), chosen_by=actor.name
        )
        await self._store.save(choice, self._event(actor.name, Action.SERVER_RUNTIME_CHOSEN, f"to {name}"))
        await self._end_standby()
        self._due.set()
        return choice

    async def cancel(self, actor: Actor) -> RuntimeChoice:
        """End the move: no further app is moved, and new slots are on the earlier runtime again.

        Apps that have moved stay where they are until their next deploy. Raises NothingToCancel, StoreUnavailable.
        """
        choice = await self._store.runtime_choice()
        if choice is None or choice.state is not MoveState.MOVING:
            raise NothingToCancel("no move to another runtime is under way", next="`pvdify server runtime` shows apps")
        canceled = replace(
            choice, name=choice.before, before=choice.name, state=MoveState.CANCELED, chosen_at=self._clock.now(),
            chosen_by=actor.name,
        )  # fmt: skip
        text = f"to {choice.name}; new releases run on {canceled.name}"
        await self._store.save(canceled, self._event(actor.name, Action.SERVER_RUNTIME_CANCELED, text))
        await self._end_standby()
        for operation in await self._store.unsettled_operations():
            live = await self._store.active_release(operation.app)
            release = await self._store.release(operation.app, operation.release or 0)
            if release is not None and live is not None and _is_move(release, live):
                with suppress(NotCancelable):  # it is live already
                    await self._requests.cancel(operation.app, release.version, actor)
        return canceled

    async def in_effect(self) -> RuntimeInEffect:
        """Return the runtime of new slots. Raises StoreUnavailable."""
        choice = await self._store.runtime_choice()
        return RuntimeInEffect(
            name=await runtime_in_effect(self._store, self._settings),
            is_moving=choice is not None and choice.state is MoveState.MOVING,
        )

    async def obstacle(self, name: str) -> str:
        """Return why instances cannot run on this runtime here; "" if they can. Raises InvalidError if unknown."""
        if name not in self._options.names:
            raise InvalidError(
                f"there is no runtime {name}", why=f"apps can move to {' or '.join(self._options.names)}",
                next="`pvdify server runtime` shows the one in effect",
            )  # fmt: skip
        return await self._options.obstacle(name)

    async def recover(self) -> None:
        """Record the runtime of slots that were made before slots had one. Raises StoreUnavailable."""
        runtime = await runtime_in_effect(self._store, self._settings)
        unnamed = [slot for slot in await self._store.slots() if not slot.runtime]
        if unnamed:
            await self._store.save(*(replace(slot, runtime=runtime) for slot in unnamed))
        if runtime != self._settings.runtime:
            log.info("runtime.chosen", runtime=runtime, setting=self._settings.runtime)

    async def run(self) -> None:
        """Move apps whenever a move is under way, forever. One app moves at a time."""
        while True:
            self._due.clear()
            try:
                while await self._go_on():
                    await first_of(self._clock.sleep(PAUSE), self._due.wait())
                await self._due.wait()
            except PvdifyError as error:
                log.warning("runtime.move_failed", code=error.code, what=error.what, why=error.why)
                await first_of(self._clock.sleep(RETRY), self._due.wait())

    async def failure_of(self, app: str, choice: RuntimeChoice) -> Failure | None:
        """Return why the app could not be moved since the choice, or None."""
        newest, live = await self._store.releases(app, limit=1), await self._store.active_release(app)
        if not newest or live is None or not _is_move(newest[0], live) or newest[0].created_at < choice.chosen_at:
            return None
        if newest[0].status not in (ReleaseStatus.FAILED, ReleaseStatus.CANCELED):
            return None
        return newest[0].failure or Failure(code="canceled", what=f"{app} v{newest[0].version} was canceled")

    async def tie_of(self, slot: Slot, target: str) -> str:
        """Return why the slot's app cannot be on this runtime at all; "" if it can. Raises StoreUnavailable."""
        return await link_tie_of(self._store, self._settings, slot.app, target) if slot.state is SlotState.LIVE else ""

    async def volumes_to_copy(self, slot: Slot, target: str) -> tuple[AppVolume, ...]:
        """Return the volumes that a move of the slot's app to this runtime copies. Raises StoreUnavailable."""
        if not are_apart(slot.runtime or self._settings.runtime, target):
            return ()
        return await volumes_of_app(self._store, slot.app)

    async def _go_on(self) -> bool:
        """Take the next step of a move; return whether another one is needed later."""
        choice = await self._store.runtime_choice()
        if choice is None or choice.state is not MoveState.MOVING:
            return False
        failed: list[str] = []
        is_waiting = False
        others = [slot for slot in await self._store.slots() if slot.runtime != choice.name]
        displaced = [slot for slot in others if slot.state.has_served]
        for slot in displaced:
            if await leaves_its_slot(self._store, self._settings, slot):
                return True  # it is stopped first: only one app needs memory for two slots
        for slot in sorted((slot for slot in others if slot not in displaced), key=lambda slot: slot.app):
            if await self.failure_of(slot.app, choice) is not None or await self.tie_of(slot, choice.name):
                failed.append(slot.app)
            elif slot.state is SlotState.LIVE and await self._is_free(slot.app):
                await self._move(slot, choice)
                return True
            elif await self._is_moving(slot.app):
                return True
            else:
                is_waiting = True  # for an operation that is not part of the move; the next app need not wait for it
        if not is_waiting:
            await self._settle(choice, tuple(dict.fromkeys(failed)))
        return is_waiting

    async def _is_free(self, app: str) -> bool:
        return not await self._store.unsettled_operations(app)

    async def _is_moving(self, app: str) -> bool:
        newest, live = await self._store.releases(app, limit=1), await self._store.active_release(app)
        return bool(newest) and live is not None and _is_move(newest[0], live) and not newest[0].status.is_settled

    async def _settle(self, choice: RuntimeChoice, failed: tuple[str, ...]) -> None:
        """End the move, unless it was canceled or begun anew meanwhile."""
        if await self._store.runtime_choice() == choice:
            text = f"to {choice.name}" + (f"; not moved: {', '.join(failed)}" if failed else "")
            event = self._event("pvdify", Action.SERVER_RUNTIME_MOVED, text)
            await self._store.save(replace(choice, state=MoveState.SETTLED), event)

    async def _move(self, slot: Slot, choice: RuntimeChoice) -> None:
        """Request a release that repeats the live one; a slot without instances only gets the name of the runtime.

        If volumes are copied, a slot without instances moves by a release, too.
        """
        app = slot.app
        if not slot.placements and not await self.volumes_to_copy(slot, choice.name):
            async with self._locks.everything((app,)):
                current = await self._store.slot(app, slot.number)
                is_empty = not await self.volumes_to_copy(slot, choice.name)
                if current == slot and is_empty and await is_settled(self._store, app):
                    await self._store.save(replace(slot, runtime=choice.name))
            return
        async with self._locks.queue(app):
            live = await self._store.active_release(app)
            if live is None or not await self._is_free(app) or await self._store.runtime_choice() != choice:
                return
            newest = await self._store.releases(app, limit=1)
            now, by = self._clock.now(), choice.chosen_by
            copied = await self.volumes_to_copy(slot, choice.name)
            release = replace(
                for_side_of(live.repeated(version=newest[0].version + 1, at=now, by=by), choice.name),
                description=f"move to {choice.name}, as v{live.version}",
            )
            operation = Operation(
                id=operation_id(app, release.version), kind=OperationKind.ROLLBACK, app=app, release=release.version,
                strategy=Strategy.MOVE if copied else Strategy.BLUE_GREEN, created_at=now, created_by=by,
            )  # fmt: skip
            event = Event(
                at=now, actor=by, action=Action.ROLLBACK_REQUESTED, app=app, release=release.version,
                text=release.description,
            )  # fmt: skip
            await self._store.save(release, operation, event)
        self._worker.wake(operation)

    async def _end_standby(self) -> None:
        """Wake the retirements of slots that stand by, since those on another runtime need not wait any longer."""
        for slot in await self._store.slots():
            self._changes.note(slot.app)

    def _event(self, actor: str, action: Action, text: str) -> Event:
        return Event(at=self._clock.now(), actor=actor, action=action, text=text)


def _is_move(release: Release, live: Release) -> bool:
    """Whether the release repeats the live one; a rollback never does."""
    return release.repeats == live.version
