import json
from typing import Any

import pytest

from pvdify.client import events
from tests.fakes.api import NOT_SIGNED_IN, FakeApi, Fault
from tests.unit.cli.conftest import Pvdify, Ran

PULL = "  pull          sha256:9f2c…  41 MB                            1.8s"
LOG = [("step", "pull"), ("", PULL), ("step", "switch"), ("", "  switch        v1 live"), ("", "    | hook says hi")]
SHOWN = f"Deploying ghcr.io/org/app:v1 to myapp\n{PULL}\n  switch        v1 live\n    | hook says hi\n"
RECEIPT = {"requests": None, "steps": {"pull": 1800.0, "switch": 4.0}, "seconds": 6.2, "held": None, "downtime": None}
LIVE = {"status": "active", "receipt": RECEIPT}
IMAGE = ("--image", "ghcr.io/org/app:v1")


@pytest.fixture(autouse=True)
def _script(api: FakeApi) -> None:
    api.script.events = LOG
    api.script.outcome = LIVE


def test_a_first_deploy_is_followed_until_it_is_live(pvdify: Pvdify) -> None:
    assert pvdify("deploy", "myapp", *IMAGE) == Ran(
        stdout="v1 is live at https://myapp.pvdify.win  (6.2s)\n", stderr=SHOWN
    )


def test_the_next_deploy_says_how_to_undo_it(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")

    ran = pvdify("deploy", "myapp", *IMAGE)

    assert ran.stdout == "v2 is live at https://myapp.pvdify.win  (6.2s)   undo: pvdify rollback myapp\n"


def test_a_deploy_without_an_image_repeats_the_live_one(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", image="ghcr.io/org/app:v1")

    assert pvdify("deploy", "myapp") == Ran(
        stdout="v2 is live at https://myapp.pvdify.win  (6.2s)   undo: pvdify rollback myapp\n", stderr=SHOWN
    )
    assert api.asked[0].body == {"allow_older": False}


def test_json_is_the_release_and_messages_are_on_stderr(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("deploy", "myapp", *IMAGE, "--json")

    assert json.loads(ran.stdout) == api.releases["myapp"][0]
    assert ran.stderr == SHOWN + "v1 is live at https://myapp.pvdify.win  (6.2s)\n"


def test_no_wait_prints_the_number_and_nothing_else(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("deploy", "myapp", *IMAGE, "--no-wait") == Ran(stdout="1\n")

    ran = pvdify("deploy", "myapp", *IMAGE, "--no-wait", "--json")

    assert (json.loads(ran.stdout)["version"], ran.stderr) == (2, "")


def test_the_same_idempotency_key_makes_one_release(pvdify: Pvdify, api: FakeApi) -> None:
    for _ in range(2):
        assert pvdify("deploy", "myapp", *IMAGE, "--no-wait", "--idempotency-key", "k1").stdout == "1\n"


def test_a_deploy_with_a_lost_answer_is_retried(pvdify: Pvdify, api: FakeApi) -> None:
    api.faults.append(Fault(lose="after"))

    assert pvdify("deploy", "myapp", *IMAGE) == Ran(
        stdout="v1 is live at https://myapp.pvdify.win  (6.2s)\n", stderr=SHOWN
    )


def test_stop_first_is_sent_and_its_gap_reported(pvdify: Pvdify, api: FakeApi) -> None:
    api.script.outcome = LIVE | {"receipt": RECEIPT | {"downtime": 2.3}}

    deployed = pvdify("deploy", "myapp", *IMAGE, "--strategy", "stop-first")
    rolled_back = pvdify("rollback", "myapp", "--version", "1", "--strategy", "stop-first")

    shown = "is live at https://myapp.pvdify.win  (6.2s; visitors were turned away for 2.3s)"
    assert (deployed.stdout, deployed.code) == (f"v1 {shown}\n", 0)
    assert rolled_back.stdout == f"v2 {shown}   undo: pvdify rollback myapp\n"
    bodies = [asked.body for asked in api.asked if asked.method == "POST"]
    assert [body["strategy"] for body in bodies] == ["stop-first", "stop-first"]
    assert "turned away  visitors, for 2.3s\n" in pvdify("releases:info", "myapp", "2").stdout


def test_the_gap_of_a_failed_stop_first_deploy_is_reported(pvdify: Pvdify, api: FakeApi) -> None:
    facts = {"code": "probe-failed", "what": "myapp v1: no answer", "why": "because", "next": "look"}
    api.script.outcome = {"status": "failed", "failure": facts, "receipt": RECEIPT | {"downtime": 2.3}}

    ran = pvdify("deploy", "myapp", *IMAGE, "--strategy", "stop-first")

    assert ran.stderr.endswith("  next: look\n  visitors were turned away for 2.3s\n")


def test_a_plan_has_no_strategy(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("rollback", "myapp", "--plan", "--strategy", "stop-first")

    assert ran.code == 2
    assert "leave out --strategy" in ran.stderr


def test_an_unknown_strategy_is_refused(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("deploy", "myapp", *IMAGE, "--strategy", "rolling")

    assert ran.code == 2
    assert "'rolling' is not one of 'blue-green', 'stop-first'" in ran.stderr


def test_the_manifest_of_another_app_is_not_sent_and_a_note_says_so(pvdify: Pvdify, api: FakeApi) -> None:
    (pvdify.folder / "pvdify.yml").write_text("app: other\n")

    ran = pvdify("deploy", "myapp", *IMAGE)

    note = "pvdify.yml is for other and not used for myapp; to use it: --manifest pvdify.yml\n"
    assert (ran.stderr, api.asked[0].body) == (note + SHOWN, {"image": IMAGE[1], "allow_older": False})


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        ("probe-failed", 7),
        ("hook-failed", 8),
        ("not-enough-disk", 9),
        ("not-enough-memory", 9),
        ("superseded", 6),
        ("pull-failed", 1),
        ("canceled", 1),
        ("a-new-one", 1),
    ],
)
def test_a_failed_release_is_printed_as_an_error_with_its_exit_code(
    pvdify: Pvdify, api: FakeApi, failure: str, code: int
) -> None:
    facts = {"code": failure, "what": "myapp v1: it did not", "why": "because", "next": "do this"}
    api.script.outcome = {"status": "failed", "failure": facts}

    assert pvdify("deploy", "myapp", *IMAGE) == Ran(
        stderr=f"{SHOWN}error: {failure}\n  myapp v1: it did not\n  why:  because\n  next: do this\n", code=code
    )


def test_a_failed_release_is_printed_as_json(pvdify: Pvdify, api: FakeApi) -> None:
    facts = {"code": "probe-failed", "what": "no answer", "why": "", "next": ""}
    api.script.outcome = {"status": "failed", "failure": facts}

    ran = pvdify("deploy", "myapp", *IMAGE, "--json")

    assert (json.loads(ran.stdout)["failure"], ran.code) == (facts, 7)
    assert ran.stderr == SHOWN + "error: probe-failed\n  no answer\n"


def test_a_live_release_with_a_failed_post_deploy_hook_reports_both(pvdify: Pvdify, api: FakeApi) -> None:
    facts = {
        "code": "hook-failed",
        "what": "post_deploy exited with 1",
        "why": "",
        "next": "pvdify logs myapp --deploy",
    }
    api.script.outcome = LIVE | {"failure": facts}

    assert pvdify("deploy", "myapp", *IMAGE) == Ran(
        stdout="v1 is live at https://myapp.pvdify.win  (6.2s)\n",
        stderr=SHOWN + "error: hook-failed\n  post_deploy exited with 1\n  next: pvdify logs myapp --deploy\n",
        code=8,
    )


@pytest.mark.parametrize(
    ("outcome", "error", "code"),
    [
        (
            {"status": "superseded"},
            "error: superseded\n  myapp v1: a newer deploy took its place before it began\n"
            "  next: `pvdify releases myapp` shows what is live\n",
            6,
        ),
        (
            {"status": "canceled"},
            "error: canceled\n  myapp v1 was canceled before its switch; visitors saw no change\n"
            "  next: `pvdify releases myapp` shows what is live\n",
            1,
        ),
        (
            {"status": "failed"},
            "error: failed\n  myapp v1 ended as failed\n"
            "  next: `pvdify logs myapp --deploy --release 1` shows its log\n",
            1,
        ),
    ],
)
def test_an_end_without_a_failure_is_explained_by_its_status(
    pvdify: Pvdify, api: FakeApi, outcome: dict[str, Any], error: str, code: int
) -> None:
    api.script.outcome = outcome

    assert pvdify("deploy", "myapp", *IMAGE) == Ran(stderr=SHOWN + error, code=code)


def test_a_release_that_was_live_and_is_already_replaced_succeeded(pvdify: Pvdify, api: FakeApi) -> None:
    api.script.outcome = LIVE | {"status": "superseded"}

    assert pvdify("deploy", "myapp", *IMAGE).stdout == "v1 was live  (6.2s); a newer release has taken its place\n"


def test_a_release_that_was_refused_for_a_newer_build_was_never_live(pvdify: Pvdify, api: FakeApi) -> None:
    facts = {"code": "superseded", "what": "v1 was built by run 8, run 9 is live already", "why": "", "next": "wait"}
    admitted = RECEIPT | {"steps": {"admit": 3.0}, "seconds": 0.003}
    api.script.outcome = {"status": "superseded", "receipt": admitted, "failure": facts}

    ran = pvdify("deploy", "myapp", *IMAGE)

    assert (ran.stdout, ran.code) == ("", 6)


def test_a_refused_deploy_shows_every_problem(pvdify: Pvdify, api: FakeApi) -> None:
    problems = ["line 1: prot: unknown key; did you mean port?", "processes.web.count: expected a whole number"]
    content = {"code": "invalid-manifest", "detail": "pvdify.yml has 2 problems", "next": "x", "problems": problems}
    api.faults.append(Fault(status=422, content=json.dumps(content).encode(), content_type="application/problem+json"))

    assert pvdify("deploy", "myapp", *IMAGE) == Ran(
        stderr=f"error: invalid-manifest\n  pvdify.yml has 2 problems\n  - {problems[0]}\n  - {problems[1]}\n"
        "  next: x\n",
        code=2,
    )


def test_a_lost_connection_is_reported_as_an_unknown_outcome(
    pvdify: Pvdify, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Half a minute of real waiting otherwise; that the waiting is bounded is tested with the events.
    monkeypatch.setattr(events, "PATIENCE", (0.01,))
    api.script.cuts.extend([0] * 9)

    assert pvdify("deploy", "myapp", *IMAGE) == Ran(
        stderr="Deploying ghcr.io/org/app:v1 to myapp\nerror: outcome-unknown\n"
        "  myapp v1: the connection was lost before the deploy had ended\n"
        "  why:  the connection was closed\n"
        "  next: `pvdify deploy:attach myapp --release 1` follows it again; the deploy continues\n",
        code=10,
    )


def test_a_deploy_that_ended_while_the_connection_was_lost_is_reported(
    pvdify: Pvdify, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PATIENCE", ())
    api.script.cuts.append(0)
    api.add_release("myapp", status="active")

    ran = pvdify("deploy:attach", "myapp")

    assert ran == Ran(
        stdout="v1 is live at https://myapp.pvdify.win\n", stderr="Deploying ghcr.io/org/app:v1 to myapp\n"
    )


def test_attach_follows_the_deploy_on_its_way(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", status="deploying")
    api.add_release("myapp", status="canceled")

    assert pvdify("deploy:attach", "myapp") == Ran(
        stdout="v1 is live at https://myapp.pvdify.win  (6.2s)\n", stderr=SHOWN
    )


def test_attach_without_a_release_names_the_next_step(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_app("myapp")

    assert pvdify("deploy:attach", "myapp") == Ran(
        stderr="error: release-not-found\n  myapp has no release yet\n  next: pvdify deploy myapp --image REF\n", code=4
    )


def test_cancel_ends_the_deploy_on_its_way(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", status="active")
    api.add_release("myapp", status="deploying")

    assert pvdify("deploy:cancel", "myapp") == Ran(
        stdout="v2 of myapp is canceled\n",
        stderr="v1 stays live; watch: pvdify deploy:attach myapp --release 2\n",
    )
    assert api.asked[-1].path == "/api/v1/apps/myapp/releases/2/cancel"


def test_cancel_ends_the_deploy_that_runs_and_not_the_one_that_waits(pvdify: Pvdify, api: FakeApi) -> None:
    for status in ("active", "deploying", "pending"):
        api.add_release("myapp", status=status)

    assert pvdify("deploy:cancel", "myapp").stdout == "v2 of myapp is canceled\n"


def test_a_release_is_chosen_to_attach_to_and_to_cancel(pvdify: Pvdify, api: FakeApi) -> None:
    for status in ("active", "deploying", "pending"):
        api.add_release("myapp", status=status)

    ended = pvdify("deploy:cancel", "myapp", "--release", "v1")

    assert pvdify("deploy:attach", "myapp", "--release", "2").stdout.startswith("v2 is live")
    assert pvdify("deploy:cancel", "myapp", "--release", "3").stdout == "v3 of myapp is canceled\n"
    assert (ended.code, ended.stderr.splitlines()[1]) == (5, "  the deploy of myapp v1 has ended as active")


def test_cancel_of_a_first_deploy_speaks_of_no_release_before_it(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", status="deploying")

    assert pvdify("deploy:cancel", "myapp").stderr == "watch: pvdify deploy:attach myapp --release 1\n"


def test_cancel_after_a_first_deploy_offers_no_rollback(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", status="active")

    assert "next: pvdify releases myapp shows how it ended" in pvdify("deploy:cancel", "myapp").stderr


def test_cancel_without_a_deploy_on_its_way_is_a_conflict(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp", status="active")

    assert pvdify("deploy:cancel", "myapp", "--json") == Ran(
        stderr="error: release-not-cancelable\n  myapp has no deploy in progress\n"
        "  why:  its newest release, v2, has ended as active\n"
        "  next: to roll back to the previous release: pvdify rollback myapp\n",
        code=5,
    )


def test_rollback_is_followed_like_a_deploy(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp", image="ghcr.io/org/app:v2")

    assert pvdify("rollback", "myapp") == Ran(
        stdout="v3 is live at https://myapp.pvdify.win  (6.2s)   undo: pvdify rollback myapp\n",
        stderr=SHOWN.replace("Deploying ghcr.io/org/app:v1 to myapp", "Rolling back myapp to ghcr.io/org/app:v1"),
    )
    assert "idempotency-key" in api.asked[0].headers


def test_a_release_that_cannot_be_repeated_is_a_conflict(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp", status="failed")

    assert pvdify("rollback", "myapp", "--version", "v1") == Ran(
        stderr="error: release-not-rollbackable\n  myapp v1 never was live\n  next: choose another\n", code=5
    )


def test_a_plan_names_the_volumes_that_are_not_rolled_back(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp")
    api.volumes_of_plans = ["data", "uploads"]

    ran = pvdify("rollback", "myapp", "--plan")

    assert "volumes  data, uploads: not rolled back, what is in them stays as it is now\n" in ran.stdout
    assert json.loads(pvdify("rollback", "myapp", "--plan", "--json").stdout)["volumes"] == ["data", "uploads"]


def test_a_plan_changes_nothing(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    api.add_release("myapp", image="ghcr.io/org/app:v2", config_version=3)

    assert pvdify("rollback", "myapp", "--plan") == Ran(
        stdout="from  v2  ghcr.io/org/app:v2  config v3\n"
        "to    v1  ghcr.io/org/app:v1  config v1\n"
        "warm  yes: its instances still run, the rollback is only a switch\n"
        "\n"
        "PART   NAME       CHANGE   BEFORE              AFTER\n"
        "image  reference  changed  ghcr.io/org/app:v2  ghcr.io/org/app:v1\n"
    )
    plan = json.loads(pvdify("rollback", "myapp", "--plan", "--json").stdout)
    assert (plan["current"]["version"], plan["target"]["version"], plan["is_warm"]) == (2, 1, True)
    assert {asked.method for asked in api.asked} == {"GET"}


def test_a_token_that_expires_during_a_deploy_leaves_its_outcome_unknown(pvdify: Pvdify, api: FakeApi) -> None:
    problem = json.dumps(NOT_SIGNED_IN | {"status": 401}).encode()
    expired = Fault(status=401, content=problem, content_type="application/problem+json")
    api.faults.extend([Fault(), expired, expired])

    ran = pvdify("deploy", "myapp", *IMAGE)

    assert ran.code == 10
    assert "pvdify deploy:attach myapp --release 1" in ran.stderr
