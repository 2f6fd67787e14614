"""Scheduled jobs: which due times were accounted for, each run, and what a due time becomes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice, takewhile

from pvdify.manifest.definition import Job
from pvdify.manifest.schedules import due_times, first_due

GRACE = timedelta(seconds=60)  # how late a run may always start
MOST_CAUGHT_UP = 100  # runs of one job that start late; what was due before them is missed
LONGEST_CATCH_UP = timedelta(days=1)
MOST_COUNTED = 10_000  # due times counted one by one; more of them take longer to count than their number is worth


class RunState(Enum):
    """The life of a run. ``missed`` and ``skipped`` never ran."""

    DUE = "due"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    MISSED = "missed"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is still to come."""
        return self not in (RunState.DUE, RunState.RUNNING)

    @property
    def never_ran(self) -> bool:
        """Whether no container was started for it, and none will be."""
        return self in (RunState.SKIPPED, RunState.MISSED)


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One run of a job, or due times in a row that were missed or skipped for one cause.

    ``due_at``: None for a run that a person asked for. ``last_due_at`` and ``due_count``: where a record stands for
    several due times. ``cause``: why it ended as it did. ``interrupted_by``: set before pvdify itself stops the run.
    """

    app: str
    job: str
    number: int
    state: RunState
    due_at: datetime | None = None
    last_due_at: datetime | None = None
    due_count: int = 1
    created_at: datetime
    created_by: str
    release: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    is_out_of_memory: bool = False
    cause: str = ""
    interrupted_by: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else None


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """What is known of a job over all its runs.

    ``schedule``, ``time_zone``: those of the release that was last seen; "" where it had no such job. ``accounted``:
    each due time until then has a run, or is on record as missed or skipped. ``since``: when the job came. ``counts``:
    runs and due times by their end.
    """

    app: str
    job: str
    schedule: str
    time_zone: str
    accounted: datetime
    since: datetime
    last_number: int = 0
    is_paused: bool = False
    paused_by: str = ""
    last_success: datetime | None = None
    last_seconds: float | None = None
    is_overdue: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    def counted(self, state: RunState, count: int = 1) -> "JobRecord":
        """The same, with so many more that ended so."""
        return replace(self, counts={**self.counts, state.value: self.counts.get(state.value, 0) + count})


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What holds while due times are accounted for.

    ``begun``: since when the live release is live. ``held``: why no job of the app may run, "" if they may. ``late``:
    why due times may have passed without anything done.
    """

    now: datetime
    begun: datetime
    held: str = ""
    late: str = "pvdify did not look in time"


def window(job: Job) -> timedelta:
    """How late a run of the job may start."""
    return max(GRACE, timedelta(seconds=job.catch_up))


def account(
    known: JobRecord | None, job: Job | None, app: str, name: str, moment: Moment, last: JobRun | None = None
) -> tuple[JobRecord | None, tuple[JobRun, ...]]:
    """Return the record with every due time until now accounted for, and a run for each, new or changed.

    ``job``: as the live release has it, None if it has none. ``last``: the newest run on record, which grows where the
    next due time is missed or skipped for the same cause.
    """
    if known is None and job is None:
        return None, ()
    if known is None or not known.schedule:
        if job is None:
            return known, ()
        known = _begun(known, app, name, moment)
        known = replace(known, schedule=job.schedule, time_zone=job.time_zone)
    ledger = _Ledger(known, moment, last)
    if job is None:
        boundary = _boundary(known, moment)
        ledger.pass_over(_due(known, boundary), "the live release has no such job any more", RunState.SKIPPED)
        return replace(ledger.record, schedule="", time_zone="", accounted=moment.now), ledger.runs
    if (job.schedule, job.time_zone) != (known.schedule, known.time_zone):
        boundary = _boundary(known, moment)
        ledger.take(_due(known, boundary), job)
        ledger.record = replace(
            ledger.record, schedule=job.schedule, time_zone=job.time_zone, accounted=boundary
        )  # fmt: skip
    ledger.take(_due(ledger.record, moment.now), job)
    return replace(ledger.record, accounted=max(ledger.record.accounted, moment.now)), ledger.runs


def next_due(record: JobRecord) -> datetime | None:
    """The first due time that is not accounted for yet; None where the job is not scheduled."""
    if not record.schedule:
        return None
    return first_due(record.schedule, record.time_zone, record.accounted)


def overdue_since(record: JobRecord, job: Job) -> datetime | None:
    """When the job should have succeeded again at the latest: its next due time, its catch-up time and its timeout.

    None where it is not due again at all.
    """
    reference = max(filter(None, (record.last_success, record.since)))
    due = first_due(job.schedule, job.time_zone, reference)
    return due + window(job) + timedelta(seconds=job.timeout) if due is not None else None


def set_back(record: JobRecord, now: datetime) -> JobRecord:
    """The same after the clock was set back by more than a minute: what is due from now on is due."""
    return replace(record, accounted=now) if record.accounted - now > GRACE else record


class _Ledger:
    """The runs that due times become, with numbers in order."""

    def __init__(self, record: JobRecord, moment: Moment, last: JobRun | None) -> None:
        self.record = record
        self._moment = moment
        self._last = last
        self._runs: dict[int, JobRun] = {}

    @property
    def runs(self) -> tuple[JobRun, ...]:
        return tuple(self._runs.values())

    def take(self, due: Sequence[datetime], job: Job) -> None:
        """Make a run of each due time that can still be kept; note the others as missed or skipped."""
        earliest = self._moment.now - window(job)
        if self._moment.held:
            self.pass_over(due, self._moment.held, RunState.SKIPPED)
            self.record = replace(self.record, since=self._moment.now) if due else self.record
            return
        fresh = [it for it in due if it > earliest][-MOST_CAUGHT_UP:]
        self.pass_over(due[: len(due) - len(fresh)], self._moment.late, RunState.MISSED)
        if job.overlap == "skip" and len(fresh) > 1:
            self.pass_over(fresh[:-1], "a later due time had passed, too", RunState.SKIPPED)
            fresh = fresh[-1:]
        for it in fresh:
            self._add(RunState.DUE, it)

    def pass_over(self, due: Sequence[datetime], cause: str, state: RunState) -> None:
        """Note due times that never run, together with those right before them if the cause is the same."""
        if not due:
            return
        last = self._last
        if last is not None and last.state is state and last.cause == cause and last.due_at is not None:
            grown = replace(
                last, last_due_at=due[-1], due_count=last.due_count + len(due), ended_at=self._moment.now
            )  # fmt: skip
            self._last = self._runs[grown.number] = grown
        else:
            run = self._add(state, due[0])
            run = replace(run, last_due_at=due[-1], due_count=len(due), cause=cause, ended_at=self._moment.now)
            self._last = self._runs[run.number] = run
        self.record = self.record.counted(state, len(due))

    def _add(self, state: RunState, due_at: datetime) -> JobRun:
        number = self.record.last_number + 1
        self.record = replace(self.record, last_number=number)
        run = JobRun(
            app=self.record.app, job=self.record.job, number=number, state=state, due_at=due_at,
            created_at=self._moment.now, created_by="pvdify",
        )  # fmt: skip
        self._last = self._runs[number] = run
        return run


def _begun(known: JobRecord | None, app: str, name: str, moment: Moment) -> JobRecord:
    """A job that came with the live release, for the first time or again."""
    begun = min(moment.begun, moment.now)
    if known is not None:
        begun = max(begun, known.accounted)
        return replace(known, accounted=begun, since=begun, is_overdue=False)
    return JobRecord(app=app, job=name, schedule="", time_zone="", accounted=begun, since=begun)


def _boundary(known: JobRecord, moment: Moment) -> datetime:
    """Until when the schedule of the release before counted."""
    return max(known.accounted, min(moment.begun, moment.now))


def _due(record: JobRecord, until: datetime) -> list[datetime]:
    """The due times that are not accounted for yet; of very many, the first ones and those of the last day."""
    times = due_times(record.schedule, record.time_zone, record.accounted)
    found = list(islice(takewhile(lambda due: due <= until, times), MOST_COUNTED))
    if len(found) == MOST_COUNTED:
        after = max(found[-1], until - LONGEST_CATCH_UP)
        newest = due_times(record.schedule, record.time_zone, after)
        found += takewhile(lambda due: due <= until, newest)
    return found
