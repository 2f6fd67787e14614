"""Commands that show something: apps, releases, ps, logs, status, whoami."""

import json

import pytest

from tests.fakes.api import FakeApi, Fault
from tests.unit.cli.conftest import Pvdify, Ran

INSTANCE = {
    "name": "pvdify-myapp-web-v1-1", "process": "web", "number": 1, "release": 1, "slot": "live", "state": "running",
    "port": 3001, "restarts": 0, "started_at": "2026-11-23T11:31:02Z", "exit": None,
    "memory": 88_080_384, "memory_limit": 536_870_912, "cpu": 0.12, "cpu_limit": 0.5,
    "last_exit": None,
}  # fmt: skip


def test_no_apps(pvdify: Pvdify) -> None:
    assert pvdify("apps") == Ran(stderr="no apps yet; the first deploy creates one: pvdify deploy APP --image REF\n")
    assert pvdify("apps", "--json") == Ran(stdout='{\n  "apps": []\n}\n')


def test_apps_are_aligned(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp", status="degraded", status_cause="1 of 2", release=42, image="ghcr.io/org/app:v1")
    api.add_app("x")

    assert pvdify("apps") == Ran(
        stdout="APP    STATUS             SINCE                 RELEASE  IMAGE               URL\n"
        "myapp  degraded (1 of 2)  2026-11-23 11:31:02Z  v42      ghcr.io/org/app:v1  https://myapp.pvdify.win\n"
        "x      new                2026-11-23 11:31:02Z  -        -                   https://x.pvdify.win\n"
    )
    assert json.loads(pvdify("apps", "--json").stdout) == {"apps": list(api.apps.values())}


def test_one_app_in_full(pvdify: Pvdify, api: FakeApi) -> None:
    processes = {
        "web": {"command": ["npm", "run", "a b"], "count": 2, "memory": 512 * 2**20, "cpu": 0.5},
        "worker": {"command": None, "count": 1, "memory": 256 * 2**20, "cpu": None},
    }
    api.add_app(
        "myapp",
        processes=processes,
        domains=["a.com", "b.com"],
        healthcheck={"path": None, "interval": 5.0, "retries": 10},
        release=3,
    )

    assert pvdify("apps:info", "myapp") == Ran(
        stdout="app             myapp\n"
        "environment     production\n"
        "status          new since 2026-11-23 11:31:02Z\n"
        "url             https://myapp.pvdify.win\n"
        "domains         a.com, b.com\n"
        "release         v3\n"
        "process web     2 × 512M, 0.5 CPU: npm run 'a b'\n"
        "process worker  1 × 256M\n"
        "healthcheck     interval 5s, retries 10\n"
        "created         2026-11-23 11:31:02Z\n"
        "updated         2026-11-23 11:31:02Z\n"
    )
    assert json.loads(pvdify("apps:info", "myapp", "--json").stdout) == api.apps["myapp"]


def test_releases_newest_first(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", status="superseded", can_roll_back=True)
    api.add_release("myapp", image="ghcr.io/org/app:v2", config_version=12)

    assert pvdify("releases", "myapp") == Ran(
        stdout="RELEASE  STATUS      IMAGE               CONFIG  CREATED               BY  ROLLBACK\n"
        "v2       active      ghcr.io/org/app:v2  v12     2026-11-23 11:31:02Z  ci  -\n"
        "v1       superseded  ghcr.io/org/app:v1  v1      2026-11-23 11:31:02Z  ci  yes\n"
    )
    newest = json.loads(pvdify("releases", "myapp", "-n", "1", "--json").stdout)
    assert newest == {"releases": [api.releases["myapp"][1]]}


def test_releases_name_the_repeated_release_and_the_source_of_the_image(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", commit="c0ffee1234567890", branch="main")
    api.add_release("myapp", commit="c0ffee1234567890", branch="main", description="rollback to v1")
    api.add_release("myapp")

    rows = pvdify("releases", "myapp").stdout.splitlines()

    assert [row.rpartition("  ")[2].strip() for row in rows] == [
        "FROM", "-", "rollback to v1, main c0ffee1", "main c0ffee1",
    ]  # fmt: skip


def test_no_releases(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("releases", "myapp") == Ran(stderr="no releases yet; the first: pvdify deploy myapp --image REF\n")


def test_one_release_in_full(pvdify: Pvdify, api: FakeApi) -> None:
    requests = {"served": 1200, "failed": 0, "app_errors": 2, "cut": 1, "is_final": False}
    api.add_release(
        "myapp", digest="sha256:9f2c", commit="c0ffee", branch="main", run_number=17,
        failure={"code": "hook-failed", "what": "post_deploy\nexited with 1", "why": "see its log", "next": "look"},
        receipt={"requests": requests, "steps": {"pull": 1800, "switch": 4}, "seconds": 6.2},
    )  # fmt: skip

    assert pvdify("releases:info", "myapp", "v1") == Ran(
        stdout="release      v1 of myapp\n"
        "status       active\n"
        "description  deploy\n"
        "image        ghcr.io/org/app:v1\n"
        "digest       sha256:9f2c\n"
        "config       v1\n"
        "commit       c0ffee\n"
        "branch       main\n"
        "run          17\n"
        "created      2026-11-23 11:31:02Z by ci\n"
        "url          https://myapp.pvdify.win\n"
        "rollback     no\n"
        "failure      hook-failed: post_deploy\\nexited with 1\n"
        "why          see its log\n"
        "next         look\n"
        "took         6.2s\n"
        "steps        pull 1.8s, switch 4ms\n"
        "requests     1200 served so far, 0 failed, 1 cut, 2 errors of the app itself\n"
    )


def test_a_missing_release(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("releases:info", "myapp", "9") == Ran(
        stderr="error: release-not-found\n  myapp has no release v9\n  next: pvdify releases myapp\n", code=4
    )


def test_ps_lists_instances_and_missing_ones(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp", status="degraded", status_cause="1 of 2: web.2 image missing")
    stopped = INSTANCE | {"number": 2, "state": "exited", "exit": "137 (out of memory)", "restarts": 3, "port": None,
                          "problem": "web.2 cannot be started: its image is not on this server any more"}  # fmt: skip
    api.processes["myapp"] = [
        {
            "name": "web",
            "command": "npm start",
            "count": 2,
            "declared": 2,
            "instances": [INSTANCE, stopped],
            "affinity": "cookie",
        },
        {"name": "worker", "command": None, "count": 1, "declared": 1, "instances": [], "affinity": None},
        {"name": "clock", "command": None, "count": 0, "declared": 1, "instances": [], "affinity": None},
    ]

    ran = pvdify("ps", "myapp")

    assert ran.stdout.splitlines()[0] == "myapp: degraded (1 of 2: web.2 image missing) since 2026-11-23 11:31:02Z"
    assert ran.stdout.splitlines()[-1] == "web.2 cannot be started: its image is not on this server any more"
    assert [line.split(maxsplit=2)[:2] for line in ran.stdout.splitlines()[1:-1]] == [
        ["INSTANCE", "STATE"], ["web.1", "running"], ["web.2", "exited"], ["worker", "none"], ["clock", "scaled"],
    ]  # fmt: skip
    assert "exited          live" in ran.stdout
    assert "137 (out of memory)" in ran.stdout
    assert "84M/512M  12%/50%  " in ran.stdout
    assert "none of 1 runs" in ran.stdout
    assert (ran.stderr, ran.code) == ("", 0)
    shown = json.loads(pvdify("ps", "myapp", "--json").stdout)
    assert shown == {
        "processes": [{**process, "instances": [{"problem": None, "host": None} | it for it in process["instances"]]}
                      for process in api.processes["myapp"]],
        "status": "degraded", "status_cause": "1 of 2: web.2 image missing", "status_since": "2026-11-23T11:31:02Z",
    }  # fmt: skip


def test_ps_before_the_first_deploy(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("ps", "myapp") == Ran(
        stdout="myapp: new since 2026-11-23 11:31:02Z\n",
        stderr="nothing runs yet; the first deploy: pvdify deploy myapp --image REF\n",
    )


def test_logs_are_lines_of_instances(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_log_line("one")
    api.add_log_line("two", process="worker", number=2, release=7)

    assert pvdify("logs", "myapp") == Ran(
        stdout="2026-11-23T11:31:00.000Z web.1 v1 | one\n2026-11-23T11:31:01.000Z worker.2 v7 | two\n"
    )
    assert json.loads(pvdify("logs", "myapp", "-n", "1", "--json").stdout) == {"lines": [api.log_lines[1]]}


def test_followed_logs_are_lines_and_with_json_an_object_each(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")
    api.add_log_line("one")
    api.add_log_line("two")

    assert pvdify("logs", "myapp", "-f").stdout == (
        "2026-11-23T11:31:00.000Z web.1 v1 | one\n2026-11-23T11:31:01.000Z web.1 v1 | two\n"
    )
    lines = pvdify("logs", "myapp", "-f", "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == api.log_lines


def test_no_logs_point_to_the_deploy_log(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("logs", "myapp") == Ran(stderr="no lines yet; the newest deploy's log: pvdify logs myapp --deploy\n")


@pytest.mark.parametrize("more", [(), ("-f",)])
def test_the_deploy_log_of_the_newest_release_or_of_one(pvdify: Pvdify, api: FakeApi, more: tuple[str, ...]) -> None:
    api.add_release("myapp")
    api.add_release("myapp")
    api.script.events = [("step", "pull"), ("", "  pull  done")]

    assert pvdify("logs", "myapp", "--deploy", *more) == Ran(stdout="  pull  done\n")
    assert api.asked[-1].path == "/api/v1/apps/myapp/releases/2/log"
    assert pvdify("logs", "myapp", "--deploy", "--release", "v1", *more) == Ran(stdout="  pull  done\n")
    assert api.asked[-1].path == "/api/v1/apps/myapp/releases/1/log"


def test_the_deploy_log_as_json(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.script.events = [("", "one"), ("", "two")]

    shown = json.loads(pvdify("logs", "myapp", "--deploy", "--json").stdout)
    assert shown == {"app": "myapp", "version": 1, "lines": ["one", "two"]}
    assert pvdify("logs", "myapp", "--deploy", "-f", "--json").stdout == '{"text": "one"}\n{"text": "two"}\n'


def test_status_prints_a_repair_command_for_each_problem(pvdify: Pvdify, api: FakeApi) -> None:
    api.checks = [
        {"name": "router", "state": "ok", "text": "answers", "next": ""},
        {"name": "disk", "state": "warning", "text": "2 GB free", "next": "remove old apps"},
    ]

    assert pvdify("status") == Ran(
        stdout=f"server       {api.url}\n"
        "version      0.1.0\n"
        "base domain  pvdify.win\n"
        "router       127.0.0.1:80\n"
        "apps         0\n"
        "running      1 operation\n"
        "\n"
        "CHECK   STATE    FINDING\n"
        "router  ok       answers\n"
        "disk    warning  2 GB free\n"
        "\n"
        "TO DO  NEXT\n"
        "disk   remove old apps\n"
        "\n"
        "APP    IMAGES  DISK    SHARED WITH OTHERS  CONTAINERS  VOLUMES  LOGS\n"
        "myapp  3       1.2 GB  80 MB               2.0 GB      10 GB    5.0 MB\n"
    )
    assert json.loads(pvdify("status", "--json").stdout)["checks"] == api.checks


@pytest.mark.parametrize(
    ("status", "code"),
    [("live", 0), ("deploying", 0), ("new", 0), ("degraded", 1), ("crashing", 1), ("down", 1), ("stopped", 1),
     ("maintenance", 1), ("held", 1)],
)  # fmt: skip
def test_the_exit_code_of_status_says_whether_every_app_is_fine(
    pvdify: Pvdify, api: FakeApi, status: str, code: int
) -> None:
    api.add_app("fine", status="live")
    api.add_app("myapp", status=status, status_cause="why")

    ran = pvdify("status")

    assert ran.code == code == pvdify("status", "--json").code
    assert f"myapp  {status} (why)  2026-11-23 11:31:02Z" in " ".join(ran.stdout.split("\n")).replace("   ", "  ")


def test_whoami_names_the_server(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("whoami") == Ran(stdout=f"name    admin\nrole    admin\napp     all\nserver  {api.url}\n")
    assert json.loads(pvdify("whoami", "--json").stdout) == {
        "name": "admin", "role": "admin", "app": None, "url": api.url
    }  # fmt: skip


def test_whoami_without_a_token_reports_not_signed_in(pvdify: Pvdify) -> None:
    del pvdify.environ["PVDIFY_TOKEN"]

    assert pvdify("whoami") == Ran(
        stderr="error: not-signed-in\n  a token is needed\n  why:  none was sent\n  next: pvdify login\n", code=3
    )


def test_a_server_that_is_down_is_unreachable(pvdify: Pvdify, api: FakeApi) -> None:
    api.faults.extend([Fault(status=530)] * 3)

    assert pvdify("apps") == Ran(
        stderr=f"error: server-unreachable\n  the server at {api.url} cannot be reached\n"
        "  why:  the proxy in front of it answered 530\n"
        "  next: check the URL (PVDIFY_URL, or `pvdify login --url URL`) and that pvdifyd runs there; "
        "what is live stays live without it\n",
        code=11,
    )


def test_logs_of_the_router(api: FakeApi, pvdify: Pvdify) -> None:
    api.add_visit()
    api.add_visit(app=None, host="unknown.test", status=404)

    all_visits = pvdify("logs", "--router")
    shop = pvdify("logs", "shop", "--router", "--json")

    assert all_visits.stdout == (
        "2026-11-23T11:31:02.000Z 203.0.113.7 GET https://shop.pvdify.win/cart 200 12ms 135B shop v42 web.1 abc\n"
        "2026-11-23T11:31:02.000Z 203.0.113.7 GET https://unknown.test/cart 404 12ms 135B router abc\n"
    )
    assert [visit["app"] for visit in json.loads(shop.stdout)["visits"]] == ["shop"]


def test_logs_of_the_router_without_visits(pvdify: Pvdify) -> None:
    ran = pvdify("logs", "--router")

    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "no requests yet\n")


def test_logs_of_the_router_have_no_process(pvdify: Pvdify) -> None:
    ran = pvdify("logs", "--router", "--process", "web")

    assert ran.code == 2
    assert "has no --deploy, --process, --release or --since" in ran.stderr


def test_diff_shows_what_changed_between_two_releases(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp", image="ghcr.io/org/app:v2")

    assert pvdify("releases:diff", "myapp", "v1", "2") == Ran(
        stdout="PART   NAME       CHANGE   BEFORE              AFTER\n"
        "image  reference  changed  ghcr.io/org/app:v1  ghcr.io/org/app:v2\n"
    )
    assert json.loads(pvdify("releases:diff", "myapp", "1", "2", "--json").stdout)["changes"][0]["part"] == "image"


def test_diff_of_equal_releases_says_so(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp")

    assert pvdify("releases:diff", "myapp", "1", "2") == Ran(
        stderr="v1 and v2 of myapp have the same image, config and manifest\n"
    )
    assert pvdify("releases:diff", "1").code == 2
