"""Requests about scheduled jobs."""

from collections.abc import Iterator
from functools import partial

from pvdify.client.calls.asking import Asking, app_path
from pvdify.client.events import keep_asking
from pvdify.client.session import Question
from pvdify.wire.answers import Job, JobOutput, JobRun, LogLine

PAUSE = 1.0  # seconds between two requests for more output


class JobCalls(Asking):
    """Requests about an app's scheduled jobs."""

    def jobs(self, app: str) -> list[Job]:
        """List the jobs of the live release."""
        return self._list(Job, "jobs", Question(path=app_path(app, "jobs")))

    def run_job(self, app: str, name: str) -> JobRun:
        """Start a run of the job now. Raises JobNotFound, JobRunning, NothingRuns."""
        lost, check = "the job may or may not run now", f"`pvdify jobs:history {app} --job {name}` shows its runs"
        question = Question(method="POST", path=app_path(app, "jobs", name, "run"), lost=lost, check=check)
        return self._session.ask_for(JobRun, question)

    def set_job_paused(self, app: str, name: str, *, is_paused: bool) -> None:
        """Pause the job's schedule, or resume it. Raises JobNotFound."""
        self._session.ask(Question(method="POST", path=app_path(app, "jobs", name, "pause" if is_paused else "resume")))

    def job_runs(self, app: str, name: str | None, limit: int) -> list[JobRun]:
        """List the runs, newest first; with ``name``, only this job's. Raises JobNotFound."""
        query = {"limit": str(limit), **({"job": name} if name else {})}
        return self._list(JobRun, "runs", Question(path=app_path(app, "job-runs"), query=query))

    def job_output(self, app: str, name: str, number: int | None, skip: int = 0) -> JobOutput:
        """Return the output of a run, by default the newest run, without its first ``skip`` lines.

        Raises JobNotFound.
        """
        query = {"skip": str(skip), **({"run": str(number)} if number else {})}
        return self._session.ask_for(JobOutput, Question(path=app_path(app, "jobs", name, "log"), query=query))

    def follow_job(self, app: str, name: str, number: int | None) -> Iterator[LogLine | JobRun]:
        """Yield a run's output lines as they are written, then the finished run."""
        seen = 0
        while True:
            found = keep_asking(
                partial(self.job_output, app, name, number, seen), f"a run of {name} of {app}",
                f"`pvdify jobs:history {app} --job {name}` shows its runs", sleep=self._session.sleep,
            )  # fmt: skip
            yield from found.lines
            seen, number = seen + len(found.lines), found.run.number
            if found.is_over:
                yield found.run
                return
            self._session.sleep(PAUSE)
