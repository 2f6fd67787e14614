"""The latest observation of each instance that should run, and when it was made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pvdify.model.instance import Exit

STEADY = timedelta(seconds=60)  # an instance that was up this long has recovered
LOOP = 3  # restarts in a row, each before the instance was steady, that count as a crash loop
_KILLED = 137  # exit code after SIGKILL


@dataclass(frozen=True, kw_only=True)
class ObservedInstance:
    """One instance that should run, as last observed.

    ``is_up``: it runs and, if it has a route, gets visitors. ``since``: when that began. ``exit`` and ``ended_at``: how
    and when it last ended. ``restarts``: the restarts since it was last steady. ``problem``: why it cannot be started,
    ``short`` the same in a few words, ``problem_at``: since when.
    """

    is_up: bool
    since: datetime
    exit: Exit | None = None
    ended_at: datetime | None = None
    restarts: int = 0
    loop_since: datetime | None = None
    problem: str = ""
    short: str = ""
    problem_at: datetime | None = None

    @property
    def is_crashing(self) -> bool:
        """Whether it is in a crash loop."""
        return self.restarts >= LOOP and not self.problem

    @property
    def is_well(self) -> bool:
        """Whether it is up and not in a crash loop."""
        return self.is_up and not self.is_crashing

    @property
    def cause(self) -> str:
        """Why it is not well, in a few words: ``exit 1, 6 restarts``; "" if unknown."""
        if self.problem:
            return self.short
        ended = short_exit(self.exit) if self.exit else ""
        restarts = f"{self.restarts} restart{'' if self.restarts == 1 else 's'}" if self.restarts else ""
        return ", ".join(part for part in (ended, restarts) if part)


class ObservedInstances:
    """The latest observations of the reconciler, from which statuses are computed without I/O.

    Empty when pvdifyd starts. ``router_down_since``: None while the router runs. ``changes``: how often an observation
    differed from the one before.
    """

    def __init__(self) -> None:
        self._known: dict[str, ObservedInstance] = {}
        self.router_down_since: datetime | None = None
        self.changes = 0

    def seen_up(self, name: str, now: datetime, *, started_at: datetime | None = None) -> None:
        """Record that the instance runs and serves. ``started_at``: from the runtime; may be before pvdifyd started."""
        known = self._known.get(name)
        since = known.since if known and known.is_up else started_at or now
        if known and known.is_up and started_at and started_at > known.since:
            since = started_at  # it was restarted between two observations
        kept = known or ObservedInstance(is_up=True, since=since)
        self._put(name, _recovered(replace(kept, is_up=True, since=since, problem="", short=""), now))

    def seen_down(self, name: str, now: datetime, ended: Exit | None = None) -> None:
        """Record that the instance has ended, is missing, or gets no visitors yet.

        ``ended``: how, as the containers show it. The exit that a recorded restart had takes precedence.
        """
        known = _recovered(self._known.get(name) or ObservedInstance(is_up=False, since=now), now)
        exit = known.exit or ended if not known.is_up else ended or known.exit
        if known.is_up:
            known = replace(known, is_up=False, since=now, ended_at=now)
        self._put(name, replace(known, exit=exit))

    def restarted(self, name: str, at: datetime, ended: Exit | None) -> bool:
        """Record a restart of the instance. Return whether that made it a crash loop."""
        self.seen_down(name, at, ended)
        known = self._known[name]
        counted = replace(
            known,
            exit=ended or known.exit,
            restarts=known.restarts + 1,
            loop_since=known.loop_since or at,
            ended_at=known.ended_at or at,
            problem="",
            short="",
        )
        self._put(name, counted)
        return self._known[name].restarts == LOOP

    def refused(self, name: str, now: datetime, problem: str, short: str) -> bool:
        """Record that the instance cannot be started. Return whether this problem is new."""
        self.seen_down(name, now)
        is_news = self._known[name].problem != problem
        at = now if is_news else self._known[name].problem_at
        self._put(name, replace(self._known[name], problem=problem, short=short, problem_at=at))
        return is_news

    def was_crashing(self, name: str, since: datetime, now: datetime) -> None:
        """Record a crash loop known from before pvdifyd's restart; it lasts until the instance is steady."""
        known = self._known.get(name) or ObservedInstance(is_up=False, since=now)
        self._put(name, _recovered(replace(known, restarts=max(LOOP, known.restarts), loop_since=since), now))

    def is_looping(self, name: str) -> bool:
        """Return whether the instance is in a crash loop, which was announced when it began."""
        known = self._known.get(name)
        return known is not None and known.restarts >= LOOP

    def of(self, names: Iterable[str], now: datetime) -> Mapping[str, ObservedInstance]:
        """Return the observations of these instances, as of now, without those never observed."""
        return {name: _recovered(self._known[name], now) for name in names if name in self._known}

    def are_up(self, names: Iterable[str]) -> bool:
        """Return whether each of these instances was up when it was last observed."""
        return all(name in self._known and self._known[name].is_up for name in names)

    def are_steady(self, names: Iterable[str], now: datetime) -> bool:
        """Return whether each of these instances is up, and none was restarted lately."""
        return self.are_up(names) and not any(_recovered(self._known[name], now).restarts for name in names)

    def keep_only(self, names: frozenset[str] | set[str]) -> None:
        """Forget all other instances."""
        kept = {name: observation for name, observation in self._known.items() if name in names}
        self.changes += len(self._known) - len(kept)
        self._known = kept

    def _put(self, name: str, observation: ObservedInstance) -> None:
        if self._known.get(name) != observation:
            self.changes += 1
            self._known[name] = observation


def short_exit(ended: Exit) -> str:
    """Return ``exit 1``, ``killed`` or ``out of memory``."""
    if ended.is_out_of_memory:
        return "out of memory"
    return "killed" if ended.code == _KILLED else f"exit {ended.code}"


def _recovered(observation: ObservedInstance, now: datetime) -> ObservedInstance:
    is_steady = observation.is_up and now - observation.since >= STEADY
    return replace(observation, restarts=0, loop_since=None) if is_steady and observation.restarts else observation
