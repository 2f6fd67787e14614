"""The status of an app: one word with a cause and a time. The only place that decides it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple

from pvdify.model.app import App
from pvdify.model.names import WEB
from pvdify.model.observed_instances import ObservedInstance
from pvdify.model.operation import Operation, OperationKind
from pvdify.model.release import Release
from pvdify.model.scale import Scale
from pvdify.model.slot import Phase, Placement, Slot


class StatusWord(Enum):
    """The status words, in the order of the documentation."""

    DEPLOYING = "deploying"
    LIVE = "live"
    DEGRADED = "degraded"
    CRASHING = "crashing"
    DOWN = "down"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"
    HELD = "held"
    NEW = "new"

    @property
    def is_problem(self) -> bool:
        """Whether something that should run does not run."""
        return self in (StatusWord.DEGRADED, StatusWord.CRASHING, StatusWord.DOWN)


@dataclass(frozen=True, kw_only=True)
class Status:
    """The status. ``cause`` is short and without the word: ``1 of 2``, ``exit 1, 6 restarts``; "" if none is needed."""

    word: StatusWord
    cause: str = ""
    since: datetime

    def __str__(self) -> str:
        return f"{self.word.value} ({self.cause})" if self.cause else self.word.value


@dataclass(frozen=True, kw_only=True)
class NotedStatus:
    """An app's status at its last change, on record. ``is_announced``: an event reported it.

    ``release``: the release that was live then.
    """

    app: str
    release: int | None = None
    word: StatusWord
    cause: str
    since: datetime
    is_announced: bool = False


class AppFacts(NamedTuple):
    """The facts that decide a status. A tuple, because those of all apps are made and compared after each change.

    ``newest``: the newest release of an app without a live one. ``slot``: the live one. ``operation``: the deploy,
    rollback or removal in progress; ``restart``: the restart. ``observed``: by instance name. ``noted``: the last
    status on record. ``held_since``: since when the router holds the app's requests; ``held_until``: at most until
    then.
    """

    app: App
    scale: Scale
    live: Release | None = None
    newest: Release | None = None
    slot: Slot | None = None
    operation: Operation | None = None
    restart: Operation | None = None
    observed: Mapping[str, ObservedInstance] = MappingProxyType({})
    noted: NotedStatus | None = None
    router_down_since: datetime | None = None
    held_since: datetime | None = None
    held_until: datetime | None = None

    @property
    def is_lasting(self) -> bool:
        """Whether time alone does not change them: no hold ends, and no instance is about to have recovered."""
        return self.held_since is None and not any(each.restarts for each in self.observed.values())


def status_of(facts: AppFacts) -> Status:
    """Return the status. If the word is unchanged, ``since`` stays the time of its first record."""
    status = _of_operation(facts) or _of_requests(facts) or _of_restart(facts) or _of_instances(facts)
    noted = facts.noted
    if noted is not None and noted.word is status.word and noted.since >= _records_count_from(facts):
        return Status(word=status.word, cause=status.cause, since=noted.since)
    return status


def _records_count_from(facts: AppFacts) -> datetime:
    """Return the time before which recorded statuses do not apply to the current deploy or release."""
    if facts.operation is not None:
        return facts.operation.created_at
    return facts.slot.since if facts.slot is not None else facts.app.created_at


def _of_operation(facts: AppFacts) -> Status | None:
    operation = facts.operation
    if operation is not None and operation.kind is OperationKind.DESTROY:
        trouble = f"; what is left is tried again: {operation.error.what}" if operation.error is not None else ""
        return Status(word=StatusWord.STOPPED, cause=f"being destroyed{trouble}", since=operation.created_at)
    if facts.app.is_in_maintenance:
        by = f"by {facts.app.maintenance_by}" if facts.app.maintenance_by else ""
        since = facts.app.maintenance_since or facts.app.updated_at
        return Status(word=StatusWord.MAINTENANCE, cause=by, since=since)
    if operation is not None:
        cause = f"v{operation.release}" if operation.release else ""
        since = operation.started_at or operation.created_at
        return Status(word=StatusWord.DEPLOYING, cause=cause, since=since)
    return None


def _of_requests(facts: AppFacts) -> Status | None:
    """Return the status that follows from requests: no deploy yet, stopped, or requests held."""
    if facts.live is None:
        failure = facts.newest.failure if facts.newest else None
        cause = f"v{facts.newest.version} failed: {failure.code}" if facts.newest and failure else ""
        return Status(word=StatusWord.NEW, cause=cause, since=facts.app.created_at)
    counts, scale = facts.scale.counts(facts.live.manifest), facts.scale
    by = f" by {scale.changed_by}" if scale.changed_by else ""
    since = scale.changed_at or (facts.slot.since if facts.slot else facts.live.created_at)
    if scale.is_stopped:
        return Status(word=StatusWord.STOPPED, cause=by.strip(), since=since)
    if not any(counts.values()) or counts.get(WEB, 1) == 0:
        if (problem := _problem_of_others(facts)) is not None:
            return problem
        chosen = by if WEB in scale.chosen else ""
        cause = f"{'web=0' if WEB in counts else 'scaled to 0'}{chosen}"
        return Status(word=StatusWord.STOPPED, cause=cause, since=since)
    if facts.held_since is not None:
        cause = f"until {facts.held_until:%H:%M:%S} UTC" if facts.held_until else ""
        return Status(word=StatusWord.HELD, cause=cause, since=facts.held_since)
    return None


def _problem_of_others(facts: AppFacts) -> Status | None:
    """Return the status of an app without web instances if one of its other processes has a problem."""
    slot = facts.slot
    others = tuple(place for place in (slot.placements if slot else ()) if place.process != WEB and place.is_up)
    if slot is None or not others:
        return None
    found = _of_instances(facts._replace(slot=replace(slot, placements=others), router_down_since=None))
    return found if found.word.is_problem else None


def _of_restart(facts: AppFacts) -> Status | None:
    """Return the status while no web instance is up, as two must not use an exclusive volume at once."""
    restart, slot = facts.restart, facts.slot
    if restart is None or slot is None or facts.live is None:
        return None
    if slot.of(WEB, Phase.UP) or not slot.of(WEB, Phase.LEAVING):
        return None
    word = StatusWord.HELD if facts.live.manifest.hold else StatusWord.DOWN
    return Status(word=word, cause="restart", since=restart.started_at or restart.created_at)


def _of_instances(facts: AppFacts) -> Status:
    begun = facts.slot.since if facts.slot else facts.app.created_at
    if facts.router_down_since is not None:
        return Status(word=StatusWord.DOWN, cause="the router does not run", since=facts.router_down_since)
    places = tuple(place for place in (facts.slot.placements if facts.slot else ()) if place.is_up)
    if not places:
        return Status(word=StatusWord.DOWN, cause="no instance is left", since=begun)
    unseen = [place for place in places if place.name not in facts.observed]
    if unseen and facts.noted is not None and facts.noted.word.is_problem:
        # After a start of pvdifyd, the recorded status is valid until all instances have been observed.
        return Status(word=facts.noted.word, cause=facts.noted.cause, since=facts.noted.since)
    ill = {place: facts.observed[place.name] for place in places if _is_ill(facts, place)}
    if not ill:
        ups = [facts.observed[place.name].since for place in places if place.name in facts.observed]
        return Status(word=StatusWord.LIVE, since=max([begun, *ups]))
    return _of_ill(places, ill)


def _is_ill(facts: AppFacts, place: Placement) -> bool:
    observation = facts.observed.get(place.name)
    return observation is not None and not observation.is_well


def _of_ill(places: tuple[Placement, ...], ill: Mapping[Placement, ObservedInstance]) -> Status:
    """Judge by the web instances first: if all of them are ill the app is down, regardless of its workers."""
    place, worst = max(ill.items(), key=lambda item: (item[1].is_crashing, item[0].process == WEB, bool(item[1].cause)))
    since = min(observation.loop_since or observation.since for observation in ill.values())
    web = [place for place in places if place.process == WEB] or list(places)
    if any(place not in ill for place in web):
        of = f"{len(places) - len(ill)} of {len(places)}"
        why = f": {place.process}.{place.number} {worst.cause}" if worst.cause else ""
        return Status(word=StatusWord.DEGRADED, cause=f"{of}{why}", since=since)
    of_web = max(
        (ill[place] for place in web), key=lambda observation: (observation.is_crashing, bool(observation.cause))
    )
    word = StatusWord.CRASHING if of_web.is_crashing else StatusWord.DOWN
    return Status(word=word, cause=of_web.cause, since=since)
