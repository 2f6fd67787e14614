"""Scheduled jobs: their records and runs, and the rules that turn due times into runs. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from itertools import islice, takewhile

from pvdify.manifest.definition import Job
from pvdify.manifest.schedules import due_times, first_due

GRACE = timedelta(seconds=60)  # a run may always start this late
MOST_CAUGHT_UP = 100  # late runs of one job; earlier due times are missed
LONGEST_CATCH_UP = timedelta(days=1)
MOST_COUNTED = 10_000  # due times counted one by one; for more, an exact count takes too long


class RunState(Enum):
    """The states of a run. ``missed`` and ``skipped`` runs never started."""

    DUE = "due"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"
    MISSED = "missed"

    @property
    def is_over(self) -> bool:
        """Whether the run has ended or never starts."""
        return self not in (RunState.DUE, RunState.RUNNING)

    @property
    def never_ran(self) -> bool:
        """Whether no container was or will be started for the run."""
        return self in (RunState.SKIPPED, RunState.MISSED)


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One run of a job, or consecutive due times that were missed or skipped for the same cause.

    ``due_at``: None for a run that a person requested. ``last_due_at`` and ``due_count``: for a record of several due
    times. ``cause``: why it ended as it did. ``interrupted_by``: set before pvdify itself stops the run.
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
        """The run's duration; None unless it has started and ended."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else None


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """The record of a job over all its runs.

    ``schedule``, ``time_zone``: those of the release that was last seen; "" if it had no such job. ``accounted``: each
    due time up to then has a run, or a record as missed or skipped. ``since``: when the job first appeared. ``counts``:
    runs and due times by their final state.
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
        """Return the record with ``count`` more runs in this state."""
        return replace(self, counts={**self.counts, state.value: self.counts.get(state.value, 0) + count})


@dataclass(frozen=True, kw_only=True)
class Moment:
    """The circumstances in which due times are accounted for.

    ``begun``: since when the live release is live. ``held``: why no job of the app may run, "" if they may. ``late``:
    the cause to record for due times that passed without a run.
    """

    now: datetime
    begun: datetime
    held: str = ""
    late: str = "pvdifyd was too busy to start it in time"


def window(job: Job) -> timedelta:
    """Return how late a run of the job may start."""
    return max(GRACE, timedelta(seconds=job.catch_up))


def account(
    known: JobRecord | None, job: Job | None, app: str, name: str, moment: Moment, last: JobRun | None = None
) -> tuple[JobRecord | None, tuple[JobRun, ...]]:
    """Return the record with every due time until now accounted for, and the new or changed runs.

    ``job``: as the live release has it, or None. ``last``: the newest run on record; it is extended if the next due
    time is missed or skipped for the same cause.
    """
    if known is None and job is None:
        return None, ()
    if known is None or not known.schedule:
        if job is None:
            return known, ()
        known = _started_record(known, app, name, moment)
        known = replace(known, schedule=job.schedule, time_zone=job.time_zone)
    ledger = _Ledger(known, moment, last)
    if job is None:
        boundary = _boundary(known, moment)
        ledger.pass_over(_unaccounted(known, boundary), "the live release has no such job any more", RunState.SKIPPED)
        return replace(ledger.record, schedule="", time_zone="", accounted=moment.now), ledger.runs
    if (job.schedule, job.time_zone) != (known.schedule, known.time_zone):
        boundary = _boundary(known, moment)
        ledger.take(_unaccounted(known, boundary), job)
        ledger.record = replace(
            ledger.record, schedule=job.schedule, time_zone=job.time_zone, accounted=boundary
        )  # fmt: skip
    ledger.take(_unaccounted(ledger.record, moment.now), job)
    return replace(ledger.record, accounted=max(ledger.record.accounted, moment.now)), ledger.runs


def next_due(record: JobRecord) -> datetime | None:
    """Return the first due time that is not accounted for; None if the job is not scheduled."""
    if not record.schedule:
        return None
    return first_due(record.schedule, record.time_zone, record.accounted)


def overdue_since(record: JobRecord, job: Job) -> datetime | None:
    """Return the deadline for the next success: the next due time plus the catch-up time and the timeout.

    None if the job is not due again.
    """
    reference = max(filter(None, (record.last_success, record.since)))
    due = first_due(job.schedule, job.time_zone, reference)
    return due + window(job) + timedelta(seconds=job.timeout) if due is not None else None


def set_back(record: JobRecord, now: datetime) -> JobRecord:
    """Return the record adjusted after the clock was set back by more than a minute: due times count from now on."""
    return replace(record, accounted=now) if record.accounted - now > GRACE else record


class _Ledger:
    """Collects the runs made from due times, and numbers them."""

    def __init__(self, record: JobRecord, moment: Moment, last: JobRun | None) -> None:
        self.record = record
        self._moment = moment
        self._last = last
        self._runs: dict[int, JobRun] = {}

    @property
    def runs(self) -> tuple[JobRun, ...]:
        return tuple(self._runs.values())

    def take(self, due: Sequence[datetime], job: Job) -> None:
        """Make a run of each due time that can still start; record the others as missed or skipped."""
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
        """Record due times that never run; merge them with the record before if the cause is the same."""
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


def _started_record(known: JobRecord | None, app: str, name: str, moment: Moment) -> JobRecord:
    """Return the record of a job that is new, or in the live release again."""
    begun = min(moment.begun, moment.now)
    if known is not None:
        begun = max(begun, known.accounted)
        return replace(known, accounted=begun, since=begun, is_overdue=False)
    return JobRecord(app=app, job=name, schedule="", time_zone="", accounted=begun, since=begun)


def _boundary(known: JobRecord, moment: Moment) -> datetime:
    """Return the time up to which the previous release's schedule counts."""
    return max(known.accounted, min(moment.begun, moment.now))


def _unaccounted(record: JobRecord, until: datetime) -> list[datetime]:
    """Return due times that are not accounted for; of very many, the first ones and those of the last day."""
    times = due_times(record.schedule, record.time_zone, record.accounted)
    found = list(islice(takewhile(lambda due: due <= until, times), MOST_COUNTED))
    if len(found) == MOST_COUNTED:
        after = max(found[-1], until - LONGEST_CATCH_UP)
        newest = due_times(record.schedule, record.time_zone, after)
        found += takewhile(lambda due: due <= until, newest)
    return found
