"""What one gets back about scheduled jobs."""

from dataclasses import dataclass
from datetime import datetime

from pvdify.wire.answers.logs import LogLine


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One run of a job, or due times in a row that were missed or skipped for one cause.

    ``state``: ``due``, ``running``, ``succeeded``, ``failed``, ``interrupted``, ``skipped`` or ``missed``. ``due_at``
    is null for a run that a person asked for; ``due_count`` and ``last_due_at`` say for how many due times a record
    stands. ``seconds``: how long it ran. ``exit_code``: null while it runs and where it never ran.
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

    ``next_due_at``: null where it is paused or not scheduled, as in a preview. ``last``: its newest run or record that
    is over. ``is_overdue``: it has not succeeded for longer than it should.
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
    """What a run wrote. ``lines`` begin behind the ``skip`` lines that the question left out."""

    run: JobRun
    is_over: bool
    lines: list[LogLine]
