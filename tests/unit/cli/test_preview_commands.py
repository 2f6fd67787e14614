"""``pvdify preview``, ``preview:close`` and ``previews``."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran

IMAGE = "ghcr.io/org/myapp:pr-12"
EVENT: dict[str, Any] = {
    "action": "synchronize",
    "pull_request": {
        "number": 12,
        "updated_at": "2026-11-23T11:31:02Z",
        "head": {"sha": "c0ffee", "ref": "feature", "repo": {"full_name": "org/myapp"}},
        "base": {"repo": {"full_name": "org/myapp"}},
        "labels": [{"name": "preview"}],
    },
}


@pytest.fixture
def in_workflow(pvdify: Pvdify, tmp_path: Path) -> Pvdify:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(EVENT))
    pvdify.environ |= {
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/myapp", "GITHUB_SHA": "merged", "GITHUB_RUN_NUMBER": "7",
        "GITHUB_REF": "refs/pull/12/merge", "GITHUB_REF_NAME": "12/merge", "GITHUB_HEAD_REF": "feature",
        "GITHUB_EVENT_PATH": str(file),
    }  # fmt: skip
    return pvdify


def test_a_preview_is_made_and_followed(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("preview", "myapp", "--pr", "12", "--image", IMAGE)

    assert ran.code == 0
    assert ran.stdout.startswith("v1 is live at https://myapp-pr-12.pvdify.win")
    assert ran.stderr.startswith(f"Deploying {IMAGE} to myapp-pr-12\n")
    assert api.asked[0].body == {"image": IMAGE, "allow_older": False, "fork": False, "labels": []}


def test_without_waiting_its_address_is_printed(pvdify: Pvdify) -> None:
    ran = pvdify("preview", "myapp", "--pr", "12", "--image", IMAGE, "--no-wait")

    assert ran == Ran(stdout="https://myapp-pr-12.pvdify.win\n")


def test_in_a_workflow_the_pull_request_is_detected(in_workflow: Pvdify, api: FakeApi) -> None:
    in_workflow("preview", "--image", IMAGE, "--no-wait")

    assert api.asked[0].path == "/api/v1/apps/myapp/previews/12"
    assert api.asked[0].body == {
        "image": IMAGE, "commit": "c0ffee", "branch": "feature", "run_number": 7, "repository": "org/myapp",
        "allow_older": False, "fork": False, "labels": ["preview"], "as_of": "2026-11-23T11:31:02Z",
    }  # fmt: skip


def test_a_fork_is_distinguished_from_the_repository(in_workflow: Pvdify, api: FakeApi) -> None:
    for head in ({"full_name": "stranger/myapp"}, None):
        event = {"pull_request": EVENT["pull_request"] | {"head": {"sha": "1", "ref": "main", "repo": head}}}
        Path(in_workflow.environ["GITHUB_EVENT_PATH"]).write_text(json.dumps(event))

        in_workflow("preview", "--image", IMAGE, "--no-wait")

        assert api.asked[-1].body["fork"] is True


def test_a_preview_is_closed_by_its_own_command_and_by_the_option(in_workflow: Pvdify, api: FakeApi) -> None:
    in_workflow("preview", "--image", IMAGE, "--no-wait")
    closed = Ran(
        stdout="myapp-pr-12 is closed; it stays until 2026-11-24 11:31:02Z, then goes with everything of it\n",
        stderr="to keep it: pvdify preview myapp --pr 12\n",
    )

    assert in_workflow("preview:close", "--pr", "12") == closed
    assert in_workflow("preview", "--close") == closed
    assert (api.asked[-1].method, api.asked[-1].query) == ("DELETE", {"as_of": "2026-11-23T11:31:02Z"})
    assert json.loads(in_workflow("preview:close", "--json").stdout)["status"] == "closed"


def test_a_preview_is_kept_for_a_day(in_workflow: Pvdify, api: FakeApi) -> None:
    in_workflow("preview", "--image", IMAGE, "--no-wait")

    assert in_workflow("preview:keep", "--pr", "12") == Ran(
        stdout="myapp-pr-12 stays until 2026-11-24 11:31:02Z at least\n"
    )
    assert (api.asked[-1].method, api.asked[-1].path.rpartition("/apps")[2]) == ("POST", "/myapp/previews/12/keep")
    assert json.loads(in_workflow("preview:keep", "--json").stdout)["pr"] == 12
    assert in_workflow("preview:keep", "--pr", "3").code == 4


def test_closing_a_missing_preview_is_reported(pvdify: Pvdify) -> None:
    assert pvdify("preview:close", "myapp", "--pr", "3").code == 4


def test_a_workflow_for_a_pull_request_without_a_preview_does_not_fail(in_workflow: Pvdify, api: FakeApi) -> None:
    nothing = Ran(stdout="pull request 12 has no preview of myapp: nothing to close\n")

    assert in_workflow("preview", "--close") == in_workflow("preview:close", "--pr", "12") == nothing
    assert json.loads(in_workflow("preview:close", "--json").stdout) == {"app": "myapp", "pr": 12, "status": "none"}
    assert in_workflow("preview:keep", "--pr", "12").code == 4


def test_previews_are_listed(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("previews", "myapp") == Ran(
        stderr="no previews; the first: pvdify preview myapp --pr N --image REF\n"
    )

    pvdify("preview", "myapp", "--pr", "12", "--image", IMAGE, "--no-wait")

    assert pvdify("previews", "myapp").stdout == (
        "PR  STATUS  URL                             RELEASE     IMAGE                    GOES AT\n"
        "12  open    https://myapp-pr-12.pvdify.win  v1 pending  ghcr.io/org/myapp:pr-12  2026-11-30 11:31:02Z\n"
    )
    assert json.loads(pvdify("previews", "myapp", "--json").stdout)["previews"][0]["pr"] == 12


def test_a_pull_request_has_to_be_named(pvdify: Pvdify, api: FakeApi) -> None:
    ran = pvdify("preview", "myapp", "--image", IMAGE)

    assert ran.code == 2
    assert "next: name it: --pr 12" in ran.stderr
    assert api.asked == []
    assert pvdify("preview", "myapp", "--pr", "0", "--image", IMAGE).code == 2
