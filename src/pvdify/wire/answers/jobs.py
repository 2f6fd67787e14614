"""Response types about scheduled jobs."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.wire.answers.logs import LogLine


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One run of a job, or a sequence of due times that were missed or skipped for the same cause.

    ``state``: ``due``, ``running``, ``succeeded``, ``failed``, ``interrupted``, ``skipped`` or ``missed``. ``due_at``:
    null for a run that a user started. ``due_count`` and ``last_due_at``: the number of due times in this record, and
    the last of them. ``seconds``: the duration. ``exit_code``: null while the run goes on, and for due times that never
    ran.
    """

    job: str
    number: int
    state: str
    due_at: datetime | None
    last_due_at: datetime | None
    due_count: int
    created_at: datetime
    created_by: str
    release: int | None
    started_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    exit_code: int | None
    is_out_of_memory: bool
    cause: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of the live release.

    ``next_due_at``: null if the job is paused, or not scheduled, as in a preview. ``last``: its newest finished run or
    record. ``is_overdue``: the last success is longer ago than the schedule allows.
    """

    name: str
    schedule: str
    time_zone: str
    command: str | list[str]
    timeout: float
    overlap: str
    catch_up: float
    is_paused: bool
    paused_by: str
    is_running: bool
    is_overdue: bool
    next_due_at: datetime | None
    last_success_at: datetime | None
    last: JobRun | None


@dataclass(frozen=True, kw_only=True)
class JobOutput:
    """The output of a run. ``lines`` start after the ``skip`` lines that the request left out."""

    run: JobRun
    is_over: bool
    lines: list[LogLine]
