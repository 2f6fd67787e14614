"""Scheduled jobs of apps."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked, Refused


class Jobs:
    """What apps run at set times."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: dict[str, list[dict[str, Any]]] = {}
        self.job_runs: dict[str, list[dict[str, Any]]] = {}
        self.job_lines: list[str] = []
        self.looks_until_over = 0

    def add_job(self, app: str, name: str, **more: Any) -> dict[str, Any]:
        job = {
            "name": name, "schedule": "0 3 * * *", "time_zone": "UTC", "command": "npm run report", "timeout": 1800.0,
            "overlap": "skip", "catch_up": 3600.0, "is_paused": False, "paused_by": "", "is_running": False,
            "is_overdue": False, "next_due_at": "2026-11-24T03:00:00Z", "last_success_at": None, "last": None,
        } | more  # fmt: skip
        self.jobs.setdefault(app, []).append(job)
        return job

    def add_job_run(self, app: str, job: str, **more: Any) -> dict[str, Any]:
        runs = self.job_runs.setdefault(app, [])
        run = {
            "job": job, "number": len(runs) + 1, "state": "succeeded", "due_at": "2026-11-23T03:00:00Z",
            "last_due_at": None, "due_count": 1, "created_at": AT, "created_by": "pvdify", "release": 42,
            "started_at": AT, "ended_at": AT, "seconds": 12.34, "exit_code": 0, "is_out_of_memory": False, "cause": "",
        } | more  # fmt: skip
        runs.append(run)
        return run

    def run_job(self, asked: Asked, app: str, name: str) -> dict[str, Any]:
        self._find_job(app, name)
        return self.add_job_run(app, name, due_at=None, state="due", created_by="admin", started_at=None,
                                ended_at=None, seconds=None, exit_code=None)  # fmt: skip

    def set_job_paused(self, asked: Asked, app: str, name: str, verb: str) -> None:
        self._find_job(app, name)["is_paused"] = verb == "pause"

    def list_job_runs(self, asked: Asked, app: str) -> dict[str, Any]:
        wanted = asked.query.get("job")
        runs = [it for it in self.job_runs.get(app, ())[::-1] if wanted in (None, it["job"])]
        return {"runs": runs[: int(asked.query["limit"])]}

    def job_output(self, asked: Asked, app: str, name: str) -> dict[str, Any]:
        runs = [it for it in self.job_runs.get(app, ()) if it["job"] == name]
        number = int(asked.query.get("run", len(runs)))
        run = next((it for it in runs if it["number"] == number), None)
        if run is None:
            raise Refused(404, "job-not-found", f"{app} has no run {number} of a job {name}")
        if run["state"] in ("due", "running"):
            self.looks_until_over -= 1
            if self.looks_until_over < 0:
                run.update(state="succeeded", seconds=2.0, exit_code=0, started_at=AT, ended_at=AT)
        lines = [
            {"at": AT, "process": name, "number": number, "release": 42, "stream": "stdout", "text": text}
            for text in self.job_lines
        ]
        is_over = run["state"] not in ("due", "running")
        return {"run": run, "is_over": is_over, "lines": lines[int(asked.query["skip"]) :]}

    def _find_job(self, app: str, name: str) -> dict[str, Any]:
        found = next((it for it in self.jobs.get(app, ()) if it["name"] == name), None)
        if found is None:
            raise Refused(404, "job-not-found", f"{app} has no job {name}")
        return found
