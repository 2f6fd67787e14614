"""``pvdify jobs`` and its siblings, and ``pvdify logs --job``."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_jobs_are_shown_with_when_they_are_due_and_how_they_ended(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    last = api.add_job_run("myapp", "report", state="failed", cause="exited with code 1")
    api.add_job("myapp", "report", time_zone="Europe/Berlin", last=last, is_overdue=True)
    api.add_job("myapp", "tidy", schedule="*/5 * * * *", next_due_at=None, is_paused=True, paused_by="ci")

    assert pvdify("jobs", "myapp") == Ran(
        stdout="JOB     SCHEDULE                 NEXT                  LAST    LAST SUCCESS  NOTE\n"
        "report  0 3 * * * Europe/Berlin  2026-11-24 03:00:00Z  failed                "
        "overdue: has not succeeded for longer than it should\n"
        "tidy    */5 * * * *                                                          paused by ci\n"
    )
    assert json.loads(pvdify("jobs", "myapp", "--json").stdout)["jobs"][0]["last"]["cause"] == "exited with code 1"


def test_an_app_without_jobs_says_how_to_declare_one(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("jobs", "myapp") == Ran(stderr="myapp has no scheduled jobs; `jobs` in pvdify.yml declares them\n")
    assert pvdify("jobs:history", "myapp").stderr.startswith("no job of myapp has run yet")


def test_a_job_is_run_to_its_end_with_its_output(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_job("myapp", "report")
    api.job_lines, api.looks_until_over = ["made it"], 2

    assert pvdify("jobs:run", "myapp", "report") == Ran(
        stdout="2026-11-23T11:31:02.000Z report.1 v42 | made it\n", stderr="run 1 of report succeeded after 2.0s\n"
    )
    assert pvdify("jobs:run", "myapp", "report", "--no-wait") == Ran(
        stdout="run 2 of report was requested\n", stderr="follow: pvdify logs myapp --job report --run 2 -f\n"
    )
    assert pvdify("jobs:run", "myapp", "nothing").code == 4


def test_the_history_lists_each_run_and_each_skipped_due_time(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_job_run("myapp", "report")
    api.add_job_run("myapp", "tidy", state="missed", due_count=4, release=None, seconds=None, exit_code=None,
                    cause="pvdify did not run at that time")  # fmt: skip
    api.add_job_run("myapp", "report", due_at=None, created_by="ci", state="failed", cause="exited with code 3")

    assert pvdify("jobs:history", "myapp").stdout == (
        "JOB     RUN  DUE                              STATE      TOOK   RELEASE  CAUSE\n"
        "report  3    requested by ci                  failed     12.3s  v42      exited with code 3\n"
        "tidy    2    2026-11-23 03:00:00Z and 3 more  missed                     pvdify did not run at that time\n"
        "report  1    2026-11-23 03:00:00Z             succeeded  12.3s  v42\n"
    )
    found = json.loads(pvdify("jobs:history", "myapp", "--job", "tidy", "-n", "5", "--json").stdout)
    assert [run["due_count"] for run in found["runs"]] == [4]


def test_a_job_is_paused_and_resumed(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_job("myapp", "report")

    assert pvdify("jobs:pause", "myapp", "report") == Ran(
        stdout="the job report of myapp is paused\n", stderr="undo: pvdify jobs:resume myapp report\n"
    )
    assert api.jobs["myapp"][0]["is_paused"] is True
    assert pvdify("jobs:resume", "--app", "myapp", "report").stdout == "the job report of myapp is resumed\n"
    assert api.jobs["myapp"][0]["is_paused"] is False


def test_logs_show_one_run_of_a_job(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_job_run("myapp", "report", state="failed", cause="exited with code 3")
    api.add_job_run("myapp", "report")
    api.job_lines = ["one", "two"]

    newest = pvdify("logs", "myapp", "--job", "report", "-n", "1")
    first = pvdify("logs", "myapp", "--job", "report", "--run", "1", "-f")

    assert newest == Ran(
        stdout="2026-11-23T11:31:02.000Z report.2 v42 | two\n", stderr="run 2 of report succeeded after 12.3s\n"
    )
    assert (first.code, first.stderr) == (1, "run 1 of report failed after 12.3s: exited with code 3\n")
    lines = json.loads(pvdify("logs", "myapp", "--job", "report", "--json").stdout)["lines"]
    assert [line["text"] for line in lines] == ["one", "two"]
    assert pvdify("logs", "myapp", "--run", "1").code == 2
    assert pvdify("logs", "myapp", "--job", "report", "--deploy").code == 2
