"""/apps/{app}/jobs."""

import asyncio

from tests.fakes.behaviour import Behaviour
from tests.unit.api.conftest import IMAGE, Api

JOBS = {"jobs": {"report": {"schedule": "0 3 * * *", "command": "npm run report", "time_zone": "Europe/Berlin"}}}


async def deployed(api: Api) -> None:
    api.machine.supervisor.script(Behaviour(exit_code=3, exit_after=5, lines=("began",)), process="report")
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": JOBS})
    await api.daemon.finish("shop", 1)
    await api.daemon.scheduler.advance_all()


async def test_a_job_is_listed_and_run_and_its_output_kept(api: Api):
    await deployed(api)
    scheduler = asyncio.create_task(api.daemon.scheduler.run())

    (job,) = (await api("GET", "/apps/shop/jobs")).json["jobs"]
    asked = await api("POST", "/apps/shop/jobs/report/run")
    again = await api("POST", "/apps/shop/jobs/report/run")
    await api.machine.clock.sleep(20)
    runs = (await api("GET", "/apps/shop/job-runs?job=report&limit=5")).json["runs"]
    output = (await api("GET", "/apps/shop/jobs/report/log?run=1")).json
    metrics = await api("GET", "/metrics")
    scheduler.cancel()

    assert (job["schedule"], job["next_due_at"]) == ("0 3 * * *", "2026-01-02T02:00:00Z")
    assert (asked.status, asked.json["number"], asked.json["state"]) == (202, 1, "due")
    assert (again.status, again.json["code"]) == (409, "job-running")
    assert [(it["state"], it["exit_code"], it["cause"]) for it in runs] == [("failed", 3, "exited with code 3")]
    assert (output["is_over"], [line["text"] for line in output["lines"]]) == (True, ["began"])
    assert 'pvdify_job_runs_total{app="shop",job="report",state="failed"} 1.0' in metrics.content.decode()


async def test_a_job_is_paused_and_resumed(api: Api):
    await deployed(api)

    assert (await api("POST", "/apps/shop/jobs/report/pause")).status == 204
    (paused,) = (await api("GET", "/apps/shop/jobs")).json["jobs"]
    assert (await api("POST", "/apps/shop/jobs/report/resume")).status == 204
    (resumed,) = (await api("GET", "/apps/shop/jobs")).json["jobs"]

    assert (paused["is_paused"], paused["next_due_at"]) == (True, None)
    assert (resumed["is_paused"], resumed["next_due_at"] is None) == (False, False)


async def test_an_overdue_job_is_a_warning_in_the_status(api: Api):
    await deployed(api)
    api.machine.clock.jump(30 * 3600)
    await api.daemon.scheduler.advance_all()

    checks = {it["name"]: it for it in (await api("GET", "/status")).json["checks"]}

    assert (checks["jobs"]["state"], checks["jobs"]["text"]) == ("warning", "shop: report overdue")


async def test_what_is_not_there_is_not_found(api: Api):
    await deployed(api)

    for method, path in (
        ("POST", "/apps/shop/jobs/other/run"),
        ("POST", "/apps/shop/jobs/other/pause"),
        ("GET", "/apps/shop/jobs/report/log"),
        ("GET", "/apps/shop/jobs/report/log?run=7"),
        ("GET", "/apps/shop/job-runs?job=other"),
        ("GET", "/apps/none/jobs"),
    ):
        assert (await api(method, path)).status == 404, path
