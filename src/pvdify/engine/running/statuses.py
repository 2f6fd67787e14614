"""The statuses of apps: reads them from the records, and records changes with events."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pvdify.model.action import Action
from pvdify.model.app import App
from pvdify.model.event import Event
from pvdify.model.names import WEB
from pvdify.model.observed_instances import ObservedInstances
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.release import Release
from pvdify.model.scale import Scale
from pvdify.model.slot import Placement, Slot, SlotState
from pvdify.model.status import AppFacts, NotedStatus, Status, StatusWord, status_of
from pvdify.ports.clock import Clock
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.store import Store

ANNOUNCED_AFTER = timedelta(seconds=10)  # degraded and down are announced only if they last longer than a restart
LAST_LINES = 5
_SHOWN_AS_DEPLOYING = (OperationKind.DEPLOY, OperationKind.ROLLBACK, OperationKind.DESTROY)
# Deploys have their own events for these statuses.
_WITH_OWN_EVENTS = (StatusWord.NEW, StatusWord.DEPLOYING)


class AppStatuses:
    """Reads the statuses of apps from the store and memory, without asking the runtime or the router."""

    def __init__(self, *, clock: Clock, observed: ObservedInstances, store: Store) -> None:
        self._clock, self._observed, self._store = clock, observed, store

    @property
    def version(self) -> tuple[object, ...]:
        """A value that differs whenever the facts of an app may have changed, except by time alone. Reads nothing.

        Facts that are asked for after the value contain every write that had been acknowledged before it.
        """
        observed = self._observed
        return self._store.writes_to_apps(), observed.changes, observed.router_down_since

    async def by_app(self) -> dict[str, Status]:
        """Return the status of every app by name. Raises StoreUnavailable."""
        return {app: status_of(facts) for app, facts in (await self.facts()).items()}

    async def facts(self, name: str | None = None) -> dict[str, AppFacts]:
        """Return the facts that determine the status, by name, for all apps or for one. Raises StoreUnavailable."""
        store = self._store
        if name is None:
            apps, live = await store.apps(), await store.active_releases()
            scales = {scale.app: scale for scale in await store.scales()}
        else:
            one, release = await store.app(name), await store.active_release(name)
            apps, live = ((one,) if one else ()), ((release,) if release else ())
            scales = {name: await store.scale(name)}
        slots = {slot.app: slot for slot in await store.slots(name) if slot.state is SlotState.LIVE}
        unsettled = await store.unsettled_operations(name)
        operations = _under_way(unsettled)
        restarts = {it.app: it for it in unsettled if it.kind is OperationKind.RESTART and it.started_at}
        noted = {each.app: each for each in await store.noted_statuses(name)}
        serving, now = {release.app: release for release in live}, self._clock.now()
        return {
            app.name: self._facts_of(
                app, now, live=serving.get(app.name), slot=slots.get(app.name), operation=operations.get(app.name),
                scale=scales.get(app.name) or Scale(app=app.name), noted=noted.get(app.name),
                newest=None if app.name in serving else next(iter(await store.releases(app.name, 1)), None),
            )._replace(restart=restarts.get(app.name))
            for app in apps
        }  # fmt: skip

    def _facts_of(
        self, app: App, now: datetime, *, live: Release | None, slot: Slot | None, operation: Operation | None,
        scale: Scale, noted: NotedStatus | None, newest: Release | None,
    ) -> AppFacts:  # fmt: skip
        names = [place.name for place in slot.placements] if slot else []
        until = app.paused_until if app.paused_until and now < app.paused_until else None
        return AppFacts(
            app=app,
            scale=scale,
            live=live,
            newest=newest,
            slot=slot,
            operation=operation,
            observed=self._observed.of(names, now),
            noted=noted,
            router_down_since=self._observed.router_down_since,
            held_since=app.updated_at if until else None,
            held_until=until,
        )


def _under_way(operations: tuple[Operation, ...]) -> Mapping[str, Operation]:
    """Return the operation to show for each app: a destruction, else the oldest deploy or rollback."""
    found: dict[str, Operation] = {}
    for operation in operations:
        if operation.kind is OperationKind.DESTROY or operation.kind in _SHOWN_AS_DEPLOYING:
            known = found.get(operation.app)
            if known is None or operation.kind is OperationKind.DESTROY:
                found[operation.app] = operation
    return found


class StatusKeeper:
    """Records each app's status when it changes, with an event. A crash loop makes one event, without delay."""

    def __init__(
        self,
        *,
        clock: Clock,
        instance_logs: InstanceLogs,
        observed: ObservedInstances,
        store: Store,
        statuses: AppStatuses,
    ) -> None:
        self._clock, self._instance_logs, self._observed = clock, instance_logs, observed
        self._store, self._statuses = store, statuses
        self._has_seeded = False
        self.is_waiting = False  # whether a status changes with time alone: a short one is announced, a hold ends
        self._announced: set[str] = set()  # instances whose crash loop has an event

    async def note(self) -> None:
        """Record the status of every app that changed. Raises StoreUnavailable."""
        if not self._has_seeded:
            await self._seed()
        crashing: set[str] = set()
        waiting = False
        for facts in (await self._statuses.facts()).values():
            mine = [place for place in _places(facts) if _is_crashing(facts, place)]
            crashing |= {place.name for place in mine}
            fresh = [place for place in mine if place.name not in self._announced]
            status = status_of(facts)
            is_announced = await self._note(facts, status, fresh)
            waiting = waiting or not is_announced or status.word is StatusWord.HELD
        self._announced, self.is_waiting = crashing, waiting

    async def _seed(self) -> None:
        """Continue crash loops that were announced before pvdifyd restarted, unless the instances stayed up since."""
        for facts in (await self._statuses.facts()).values():
            if facts.noted is not None and facts.noted.word is StatusWord.CRASHING:
                for place in _places(facts):
                    self._observed.was_crashing(place.name, facts.noted.since, self._clock.now())
                    self._announced.add(place.name)
        self._has_seeded = True

    async def _note(self, facts: AppFacts, status: Status, fresh: Sequence[Placement]) -> bool:
        """Record the status; return whether it is announced, or needs no announcement."""
        noted, release = facts.noted, facts.live.version if facts.live else None
        now = (status.word, status.since, release)
        is_same = noted is not None and (noted.word, noted.since, noted.release) == now
        was_announced = noted is not None and is_same and noted.is_announced
        is_due = bool(fresh) or (not was_announced and self._has_lasted(status))
        record = NotedStatus(
            app=facts.app.name, release=release, word=status.word, cause=status.cause, since=status.since,
            is_announced=was_announced or is_due,
        )  # fmt: skip
        if record == noted and not fresh:
            return record.is_announced
        event = await self._event(facts, status, fresh) if is_due and _is_news(record, noted) else None
        await self._store.save(record, *((event,) if event else ()))
        return record.is_announced

    def _has_lasted(self, status: Status) -> bool:
        is_short = status.word in (StatusWord.DEGRADED, StatusWord.DOWN)
        return not is_short or self._clock.now() - status.since >= ANNOUNCED_AFTER

    async def _event(self, facts: AppFacts, status: Status, crashing: Sequence[Placement]) -> Event:
        lines = await self._last_lines(crashing[0]) if crashing else ""
        return Event(
            at=self._clock.now(),
            actor="pvdify",
            action=Action(f"app.{status.word.value}"),
            app=facts.app.name,
            release=facts.live.version if facts.live else None,
            text="\n".join(part for part in (status.cause, lines) if part),
        )

    async def _last_lines(self, place: Placement) -> str:
        lines = await self._instance_logs.tail([place.name], LAST_LINES)
        said = "\n".join(line.text for line in lines) or "(none)"
        return f"last lines of {place.process}.{place.number}:\n{said}"


def _places(facts: AppFacts) -> tuple[Placement, ...]:
    """Return the placements of the live slot, web instances first."""
    places = facts.slot.placements if facts.slot else ()
    return tuple(sorted(places, key=lambda place: (place.process != WEB, place.process, place.number)))


def _is_crashing(facts: AppFacts, place: Placement) -> bool:
    observation = facts.observed.get(place.name)
    return observation is not None and observation.is_crashing


def _is_news(now: NotedStatus, noted: NotedStatus | None) -> bool:
    """Whether the status needs an event of its own.

    Deploys have their own events. "Live" needs one only after another status of the same release was announced, and a
    status that is older than a problem that was not announced needs none when that has passed.
    """
    if now.word in _WITH_OWN_EVENTS:
        return False
    if noted is not None and noted.word.is_problem and not noted.is_announced and now.since < noted.since:
        return now.word.is_problem
    if now.word is not StatusWord.LIVE:
        return True
    is_back = noted is not None and noted.word not in (*_WITH_OWN_EVENTS, StatusWord.LIVE)
    return noted is not None and is_back and noted.is_announced and noted.release == now.release
