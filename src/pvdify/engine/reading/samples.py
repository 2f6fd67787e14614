"""Samples of requests, memory and CPU of apps, taken in the background, so that pages need not wait.

They are taken every 10 s while pages show them, and else every minute: a sample of 200 instances takes 30 ms of
processor.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest

import structlog

from pvdify.engine.reading.in_use import InUse
from pvdify.engine.world.runtime_queries import RuntimeQueries
from pvdify.errors import PvdifyError
from pvdify.model.capacity import Usage
from pvdify.model.instance import FoundInstance
from pvdify.model.route import TargetCount, by_instance
from pvdify.model.samples import Measure, Sample, Series, percentile, step_of
from pvdify.ports.clock import Clock
from pvdify.ports.host import Host
from pvdify.ports.router import Router
from pvdify.ports.sample_store import SampleStore
from pvdify.ports.store import Store
from pvdify.timing import first_of

log = structlog.get_logger()
PAUSE = 10.0  # seconds between two samples while they are read
IDLE_PAUSE = 60.0  # seconds between two samples if none was read for so long
RECENT = 60.0  # seconds; rates are averages of the last minute
SAVED_EVERY = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Rates of an app in the last minute: requests and 5xx answers per second, memory in bytes, CPU use in CPUs.

    ``wait``: the 95th percentile of seconds until an answer begins; None without requests, or if unknown.
    """

    requests: float = 0.0
    errors: float = 0.0
    wait: float | None = None
    memory: int | None = None
    cpu: float | None = None

    @property
    def error_share(self) -> float:
        """The share of 5xx in all answers, from 0 to 1."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass
class _Count:
    """The router's counters of one app over ``seconds``."""

    seconds: float = 0.0
    requests: int = 0
    errors: int = 0
    waits: tuple[int, ...] = ()

    def add(self, other: "_Count") -> None:
        self.seconds += other.seconds
        self.requests += other.requests
        self.errors += other.errors
        self.waits = tuple(a + b for a, b in zip_longest(self.waits, other.waits, fillvalue=0))


@dataclass
class _App:
    """The samples of one app: the last 24 hours, the last minute, and the current five-minute step."""

    series: Series = field(default_factory=Series)
    recent: deque[_Count] = field(default_factory=deque)
    step: int = 0
    count: _Count = field(default_factory=_Count)
    memory: int | None = None
    cpu: float | None = None
    most_memory: int | None = None
    rates: Rates | None = None

    def current_rates(self) -> Rates:
        """Return the rates of the last minute. They are computed once for each sample."""
        if self.rates is None:
            total = _Count()
            for count in self.recent:
                total.add(count)
            seconds = total.seconds or 1.0
            self.rates = Rates(
                requests=total.requests / seconds, errors=total.errors / seconds,
                wait=percentile(total.waits, 0.95), memory=self.memory, cpu=self.cpu,
            )  # fmt: skip
        return self.rates


class Samples:
    """Rates of the last minute, and 24 hours in five-minute steps. Uses about 7 kB per app.

    Args:
        sample_store: keeps the samples while pvdifyd is stopped.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        host: Host,
        router: Router,
        runtime_queries: RuntimeQueries,
        store: Store,
        sample_store: SampleStore,
    ) -> None:
        self._clock, self._host, self._router, self._runtime_queries, self._store = (
            clock,
            host,
            router,
            runtime_queries,
            store,
        )
        self._sample_store = sample_store
        self._apps: dict[str, _App] = {}
        self._counts: dict[tuple[str, int, int], TargetCount] | None = None
        self._looked: float | None = None
        self._cpu: dict[str, tuple[float, float]] = {}
        self._in_use: dict[str, InUse] = {}
        self._read_at = -IDLE_PAUSE
        self._is_wanted = asyncio.Event()
        self.at: datetime | None = None

    @property
    def in_use(self) -> Mapping[str, InUse]:
        """The last measured use of each instance, by name."""
        self._note_reader()
        return self._in_use

    def rates(self, app: str) -> Rates:
        """Return the rates of an app in the last minute."""
        self._note_reader()
        known = self._apps.get(app)
        return known.current_rates() if known is not None else Rates()

    def day(self, app: str, measure: Measure) -> tuple[float | None, ...]:
        """Return the last 24 hours of an app in five-minute steps, oldest first."""
        known = self._apps.get(app)
        return (known.series if known else Series()).last(measure, self._clock.now())

    async def run(self) -> None:
        """Load the saved samples, then take samples until canceled, and save them every 15 minutes."""
        await self.load()
        saved = self._clock.now()
        while True:
            await self.take()
            if self._clock.now() - saved > SAVED_EVERY:
                saved = self._clock.now()
                await self.save()
            self._is_wanted.clear()
            if self._clock.monotonic() - self._read_at < IDLE_PAUSE:
                await self._clock.sleep(PAUSE)
            else:
                await first_of(self._clock.sleep(IDLE_PAUSE), self._is_wanted.wait())

    def _note_reader(self) -> None:
        """Note that samples are shown; the first reader after a while causes a sample at once."""
        self._read_at = self._clock.monotonic()
        self._is_wanted.set()

    async def load(self) -> None:
        """Load the saved samples. If they cannot be read, log the error and start without samples."""
        try:
            saved = await self._sample_store.samples()
        except PvdifyError as error:
            log.warning("samples.not-loaded", error=str(error))
            return
        for app, content in saved.items():
            series = Series.of_bytes(content)
            if series is not None:
                self._apps[app] = _App(series=series)

    async def save(self) -> None:
        """Save the samples for the next start. A failure is only logged."""
        try:
            await self._sample_store.save_samples({app: known.series.to_bytes() for app, known in self._apps.items()})
        except PvdifyError as error:
            log.warning("samples.not-saved", error=str(error))

    async def take(self) -> None:
        """Take one sample of the router's counters and of the use of instances."""
        now, moment = self._clock.now(), self._clock.monotonic()
        seconds = moment - self._looked if self._looked is not None else 0.0
        self._looked = moment
        try:
            counts = await self._new_counts(seconds)
            apps = [app.name for app in await self._store.apps()]
        except PvdifyError as error:
            log.debug("samples.not-taken", error=str(error))
            return
        self._apps = {app: self._apps.get(app) or _App() for app in apps}
        used = await self._usage(moment)
        for app, known in self._apps.items():
            _note(known, counts.get(app, _Count(seconds=seconds)), used.get(app), now)
        self.at = now

    async def _new_counts(self, seconds: float) -> dict[str, _Count]:
        """Return the router's counts since the last sample, by app."""
        found = {(it.app, it.slot, it.number): it for it in by_instance(await self._router.counts())}
        before, self._counts = self._counts, found
        counts: dict[str, _Count] = {}
        for key, it in found.items():
            earlier = before.get(key) if before is not None else it
            counts.setdefault(it.app, _Count(seconds=seconds)).add(_difference(earlier, it))
        return counts

    async def _usage(self, moment: float) -> dict[str, tuple[int, float]]:
        """Return the memory (bytes) and CPU use of all known instances together, by app."""
        instances = self._runtime_queries.known.instances
        usage = await self._host.usage({it.pid for it in instances if it.pid is not None})
        cpu, in_use, apps = {}, {}, dict[str, tuple[int, float]]()
        for it, used in _paired(instances, usage):
            spent = used.cpu_seconds or 0.0
            at, before = self._cpu.get(it.name, (moment, spent))
            rate = max(0.0, spent - before) / (moment - at) if moment > at else 0.0
            cpu[it.name], in_use[it.name] = (moment, spent), InUse(memory=used.memory or 0, cpu=rate)
            memory, cpus = apps.get(it.app, (0, 0.0))
            apps[it.app] = memory + (used.memory or 0), cpus + rate
        self._cpu, self._in_use = cpu, in_use
        return apps


def _paired(
    instances: Iterable[FoundInstance], usage: Mapping[int, Usage]
) -> Iterable[tuple[FoundInstance, Usage]]:  # fmt: skip
    for it in instances:
        used = usage.get(it.pid) if it.pid is not None else None
        if used is not None:
            yield it, used


def _difference(earlier: TargetCount | None, it: TargetCount) -> _Count:
    """Return the counts between two readings. If a counter was reset, all of the later reading counts."""
    if earlier is None or earlier.requests > it.requests:
        earlier = TargetCount(app=it.app, slot=it.slot, number=it.number)
    waits = zip_longest(it.waits, earlier.waits, fillvalue=0)
    return _Count(
        requests=it.requests - earlier.requests,
        errors=max(0, it.app_errors + it.router_errors - earlier.app_errors - earlier.router_errors),
        waits=tuple(max(0, late - early) for late, early in waits),
    )


def _note(known: _App, count: _Count, used: tuple[int, float] | None, now: datetime) -> None:
    step = step_of(now)
    if step != known.step:
        known.step, known.count, known.most_memory = step, _Count(), None
    known.rates = None
    known.recent.append(count)
    while sum(it.seconds for it in known.recent) - known.recent[0].seconds >= RECENT:
        known.recent.popleft()
    known.count.add(count)
    known.memory, known.cpu = used or (None, None)
    if used is not None:
        known.most_memory = max(used[0], known.most_memory or 0)
    seconds = known.count.seconds or 1.0
    known.series.put(
        now,
        Sample(
            requests=known.count.requests / seconds, errors=known.count.errors / seconds,
            wait=percentile(known.count.waits, 0.95), memory=known.most_memory, cpu=known.cpu,
        ),
    )  # fmt: skip
