"""The context of a running operation: the inputs of its steps, and the records that they store."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from pvdify.engine.edge.edge_mode import EdgeMode
from pvdify.engine.edge.hostname_claims import HostnameClaims
from pvdify.engine.running.environment import Environments
from pvdify.engine.running.probing import Probes
from pvdify.engine.running.routes import ServingRoutes
from pvdify.engine.world import World
from pvdify.engine.world.urls import PublicUrls
from pvdify.errors import DeployCanceled, ReleaseNotFound
from pvdify.manifest.definition import Manifest
from pvdify.model.app import App, hostnames_of
from pvdify.model.deploy_log import EntryKind, LogEntry
from pvdify.model.instance import LogLine
from pvdify.model.operation import Operation, OperationKind, StepState
from pvdify.model.probe import ProbeResult
from pvdify.model.release import Release
from pvdify.model.scale import Scale
from pvdify.model.slot import Slot
from pvdify.ports.store import Record


@dataclass(frozen=True, kw_only=True)
class StepTools:
    """Services that steps share with other packages of the engine.

    Attributes:
        forget_logins: deletes an app's own registry logins.
    """

    claims: HostnameClaims
    edge_mode: EdgeMode
    environments: Environments
    forget_logins: Callable[[str], Awaitable[None]]
    probes: Probes
    serving: ServingRoutes
    urls: PublicUrls


class StepRun:
    """The context of the running operation.

    Steps read ``operation``, ``release`` and ``world``, and use ``tools``. A step passes changed records to ``change``:
    the runner saves them in the transaction that marks the step as done. ``save`` is for records that must be stored
    before an effect.
    """

    def __init__(self, *, world: World, tools: StepTools, operation: Operation) -> None:
        self.world, self.tools = world, tools
        self.operation = operation
        self.current_step = ""
        self.is_gone = False
        self.found_healthy: dict[str, ProbeResult] = {}  # by name; probed by the step before
        self._started = ""  # the step whose begin is in the deploy log
        self._release: Release | None = None
        self._is_past_router: bool | None = None
        self._changes: dict[tuple[object, ...], Record] = {}

    @property
    def app(self) -> str:
        """The app's name."""
        return self.operation.app

    @property
    def release(self) -> Release:
        """The release of this operation. Raises ReleaseNotFound if the operation has none."""
        if self._release is None:
            raise ReleaseNotFound(f"operation {self.operation.id} is not about a release")
        return self._release

    @property
    def manifest(self) -> Manifest:
        """The release's manifest."""
        return self.release.manifest

    @property
    def has_made_room(self) -> bool:
        """Whether the live release was stopped for this one, which visitors notice."""
        return self.operation.previous is not None and self.operation.step("make_room").state is not StepState.PENDING

    @property
    def fallback(self) -> str:
        """The words for messages that say which release serves if this one fails."""
        if self.operation.previous is None:
            return "nothing was live before"
        return "what was live is started again" if self.has_made_room else "what served before still serves"

    async def load(self) -> None:
        """Load the operation's release from the store; for a change of processes, the live release."""
        if self.operation.release is not None:
            self._release = await self.world.store.release(self.app, self.operation.release)
        elif self.operation.kind.is_about_processes:
            self._release = await self.world.store.active_release(self.app)

    async def previous(self) -> Release | None:
        """Return the release that was live when the operation began, or None."""
        if self.operation.previous is None:
            return None
        return await self.world.store.release(self.app, self.operation.previous)

    async def held_hostnames(self, app: App) -> tuple[str, ...]:
        """Return the hostnames of the release that was live when the operation began; none without one."""
        previous = await self.previous()
        return hostnames_of(app, self.world.settings.base_domain, previous.manifest) if previous else ()

    async def counts(self) -> dict[str, int]:
        """Return the number of instances that should run of each process of the release."""
        return (await self.world.store.scale(self.app)).counts(self.manifest)

    async def candidate(self) -> Slot | None:
        """Return the slot of this operation's release, or None before it has one."""
        return await self._slot_of(self._release)

    async def previous_slot(self) -> Slot | None:
        """Return the slot that was live when the operation began, or None."""
        return await self._slot_of(await self.previous())

    async def is_past_router(self) -> bool:
        """Return whether the edge may send requests directly to instances.

        Evaluated once per operation, so that all steps use the same answer. Raises StoreUnavailable.
        """
        if self._is_past_router is None:
            self._is_past_router = await self.tools.edge_mode.is_past_router()
        return self._is_past_router

    def change(self, record: Record) -> None:
        """Save the record in the transaction that ends the step; the last version of a record wins."""
        if isinstance(record, Release) and record.version == self.operation.release:
            self._release = record
        self._changes[_identity(record)] = record

    def take_changes(self) -> tuple[Record, ...]:
        """Return the records that were passed to ``change``, and clear them."""
        changes, self._changes = tuple(self._changes.values()), {}
        return changes

    async def save(self, *records: Record) -> None:
        """Save the records immediately, and wake the tasks that wait for a change of the app."""
        for record in records:
            if isinstance(record, Release) and record.version == self.operation.release:
                self._release = record
        await self.world.store.save(*records)
        self.world.changes.note(self.app)

    def check_canceled(self) -> None:
        """Raise DeployCanceled if cancellation was requested. Called in long waits before the commit point."""
        if self.operation.is_cancel_requested:
            raise DeployCanceled(
                f"{self.app} v{self.operation.release} was canceled",
                next=f"{self.fallback}; deploy again when you are ready",
            )

    async def log(self, kind: EntryKind, text: str, *, seconds: float | None = None) -> None:
        """Add a line to the release's deploy log; a background retirement writes no lines."""
        await self._append(self._entry(kind, text, seconds))

    async def log_started(self, step: str) -> None:
        """Add a line for the step that begins, unless ``log_done`` has."""
        if self._started != step:
            self._started = step
            await self.log(EntryKind.STEP_STARTED, "")

    async def log_done(self, text: str | None, seconds: float, following: str | None) -> None:
        """Add a line for the current step, if there is a text, and one for the step that follows, in one write."""
        entries = [] if text is None else [self._entry(EntryKind.STEP_DONE, text, seconds)]
        if following is not None:
            self.current_step = self._started = following
            entries.append(self._entry(EntryKind.STEP_STARTED, ""))
        await self._append(*entries)

    async def log_output(self, lines: Iterable[LogLine]) -> None:
        """Add the output of a hook to the release's deploy log."""
        now = self.world.clock.now()
        await self._append(
            *(
                LogEntry(at=now, kind=EntryKind.OUTPUT, step=self.current_step, text=line.text, source=line.instance)
                for line in lines
            )
        )

    def _entry(self, kind: EntryKind, text: str, seconds: float | None = None) -> LogEntry:
        return LogEntry(at=self.world.clock.now(), kind=kind, step=self.current_step, text=text, seconds=seconds)

    async def _append(self, *entries: LogEntry) -> None:
        if entries and self.operation.release is not None and self.operation.kind is not OperationKind.RETIRE:
            await self.world.deploy_log.append(self.app, self.operation.release, *entries)

    async def note(self, text: str) -> None:
        """Add a note to the deploy log: useful information that is not a failure."""
        await self.log(EntryKind.NOTE, text)

    async def _slot_of(self, release: Release | None) -> Slot | None:
        if release is None or release.slot is None:
            return None
        return await self.world.store.slot(self.app, release.slot)


def _identity(record: Record) -> tuple[object, ...]:
    """Return a key that is equal for versions of the same record; each event has its own key."""
    match record:
        case Release(version=version):
            return (Release, version)
        case Slot(number=number):
            return (Slot, number)
        case Scale(app=app):
            return (Scale, app)
        case Operation(id=operation_id):
            return (Operation, operation_id)
        case _:
            return (type(record), id(record))
