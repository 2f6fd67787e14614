"""``pvdify jobs`` and the commands ``jobs:…``: scheduled jobs of an app."""

import zlib
from dataclasses import dataclass

import click

from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.exit_codes import DETACHED, DONE, FAILED
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment
from pvdify.cli.parameters import WholeNumber
from pvdify.cli.tables import table
from pvdify.cli.words import split
from pvdify.client.api import Client
from pvdify.wire import logs as log_text
from pvdify.wire.answers import Job, JobRun
from pvdify.wire.deploy_log import format_seconds


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify jobs``."""

    app: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of ``pvdify jobs:run``."""

    app: str
    name: str
    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """Options of ``pvdify jobs:pause`` and ``jobs:resume``."""

    app: str
    name: str
    is_paused: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class HistoryOptions:
    """Options of ``pvdify jobs:history``. ``job``: None for all jobs."""

    app: str
    job: str | None
    limit: int
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the jobs of the app."""
    found = client.jobs(options.app)
    if options.as_json:
        io.show_json({"jobs": found})
    elif found:
        headers = ("JOB", "SCHEDULE", "NEXT", "LAST", "LAST SUCCESS", "NOTE")
        io.show(table(headers, (_job_row(job, io) for job in found), least=("NOTE",)))
    else:
        io.say(f"{options.app} has no scheduled jobs; `jobs` in pvdify.yml declares them")
    return DONE


def run_run(options: RunOptions, client: Client, io: Io) -> int:
    """Start a run of the job, and show its output until it ends."""
    run = client.run_job(options.app, options.name)
    follow = f"pvdify logs {options.app} --job {options.name} --run {run.number} -f"
    if not options.is_waiting:
        if options.as_json:
            io.show_json(run)
        else:
            io.show(f"run {run.number} of {options.name} was requested")
        io.say(f"follow: {follow}")
        return DONE
    try:
        return follow_run(options.app, options.name, run.number, client, io, as_json=options.as_json)
    except KeyboardInterrupt:
        io.say(f"the run continues; follow: {follow}")
        return DETACHED


def follow_run(app: str, name: str, number: int | None, client: Client, io: Io, *, as_json: bool) -> int:
    """Show the output of a run until it is over, then its result; return the exit code."""
    for found in client.follow_job(app, name, number):
        if isinstance(found, JobRun):
            if as_json:
                io.show_json(found)
            io.say(f"run {found.number} of {name} {ended(found)}")
            return DONE if found.state == "succeeded" else FAILED
        if as_json:
            io.show_json(found, is_line=True)
        else:
            io.show_prefixed(*log_text.parts(found), color=zlib.crc32(f"{name}.{found.number}".encode()))
    return FAILED


def run_change(options: ChangeOptions, client: Client, io: Io) -> int:
    """Pause or resume the job."""
    client.set_job_paused(options.app, options.name, is_paused=options.is_paused)
    status = "paused" if options.is_paused else "resumed"
    if options.as_json:
        io.show_json({"app": options.app, "job": options.name, "status": status})
    else:
        io.show(f"the job {options.name} of {options.app} is {status}")
    undo = "resume" if options.is_paused else "pause"
    io.say(f"undo: pvdify jobs:{undo} {options.app} {options.name}")
    return DONE


def run_history(options: HistoryOptions, client: Client, io: Io) -> int:
    """Show the runs, newest first."""
    found = client.job_runs(options.app, options.job, options.limit)
    if options.as_json:
        io.show_json({"runs": found})
    elif found:
        io.show(table(("JOB", "RUN", "DUE", "STATE", "TOOK", "RELEASE", "CAUSE"), (_run_row(it, io) for it in found),
                      least=("CAUSE",)))  # fmt: skip
    else:
        io.say(f"no job of {options.app} has run yet; `pvdify jobs {options.app}` shows when they are due")
    return DONE


@command("jobs", run=run_list, example="pvdify jobs myapp")
@app_parameter
def jobs(*, app: str, as_json: bool) -> ListOptions:
    """Show the scheduled jobs of APP.

    Shows when each is due next, how its last run ended, and whether it is overdue. `jobs` in pvdify.yml declares jobs.
    """
    return ListOptions(app=app, as_json=as_json)


@command("jobs:run", run=run_run, example="pvdify jobs:run myapp report")
@click.argument("words", metavar="[APP] JOB", nargs=-1)
@click.option("--no-wait", is_flag=True, help="Return at once; the run continues.")
@app_option
@click.pass_obj
def jobs_run(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, no_wait: bool, as_json: bool
) -> RunOptions:
    """Run a scheduled job of APP now.

    Shows its output. The exit code is 0 if the job succeeded, else 1. Ctrl-C leaves the job running. Paused jobs run,
    too.
    """
    name, (job,) = split(words, app, surroundings, command="jobs:run", values="JOB")
    return RunOptions(app=name, name=job, is_waiting=not no_wait, as_json=as_json)


@command("jobs:history", run=run_history, example="pvdify jobs:history myapp --job report")
@app_parameter
@click.option("--job", metavar="NAME", help="Show only the runs of one job.")
@click.option("-n", "--num", "limit", type=WholeNumber(1, 1000), default=20, show_default=True, help="How many runs.")
def jobs_history(*, app: str, job: str | None, limit: int, as_json: bool) -> HistoryOptions:
    """Show the runs of APP's jobs, newest first.

    Missed and skipped due times are listed with their cause; several in a row with the same cause are one line.
    """
    return HistoryOptions(app=app, job=job, limit=limit, as_json=as_json)


@command("jobs:pause", run=run_change, example="pvdify jobs:pause myapp report")
@click.argument("words", metavar="[APP] JOB", nargs=-1)
@app_option
@click.pass_obj
def jobs_pause(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> ChangeOptions:  # fmt: skip
    """Skip the due times of a job of APP until it is resumed.

    A running job continues. `pvdify jobs:history` lists the skipped due times.
    """
    name, (job,) = split(words, app, surroundings, command="jobs:pause", values="JOB")
    return ChangeOptions(app=name, name=job, is_paused=True, as_json=as_json)


@command("jobs:resume", run=run_change, example="pvdify jobs:resume myapp report")
@click.argument("words", metavar="[APP] JOB", nargs=-1)
@app_option
@click.pass_obj
def jobs_resume(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> ChangeOptions:  # fmt: skip
    """Run a paused job of APP at its due times again."""
    name, (job,) = split(words, app, surroundings, command="jobs:resume", values="JOB")
    return ChangeOptions(app=name, name=job, is_paused=False, as_json=as_json)


def ended(run: JobRun) -> str:
    """Return how a run ended, as the text after its name."""
    took = f" after {format_seconds(run.seconds)}" if run.seconds is not None else ""
    words = {"succeeded": "succeeded", "failed": "failed", "interrupted": "was interrupted"}
    return f"{words.get(run.state, f'was {run.state}')}{took}{f': {run.cause}' if run.cause else ''}"


def _job_row(job: Job, io: Io) -> tuple[str, ...]:
    zone = "" if job.time_zone == "UTC" else f" {job.time_zone}"
    next_due = moment(job.next_due_at, io) if job.next_due_at else ""
    last = "running" if job.is_running else job.last.state if job.last else ""
    success = moment(job.last_success_at, io) if job.last_success_at else ""
    return job.name, f"{job.schedule}{zone}", next_due, last, success, _note(job)


def _note(job: Job) -> str:
    notes = [f"paused by {job.paused_by}"] if job.is_paused else []
    notes += ["overdue: has not succeeded for longer than it should"] if job.is_overdue else []
    return ", ".join(notes)


def _run_row(run: JobRun, io: Io) -> tuple[str, ...]:
    due = moment(run.due_at, io) if run.due_at else f"requested by {run.created_by}"
    due += f" and {run.due_count - 1} more" if run.due_count > 1 else ""
    took = format_seconds(run.seconds) if run.seconds is not None else ""
    return run.job, str(run.number), due, run.state, took, f"v{run.release}" if run.release else "", run.cause
