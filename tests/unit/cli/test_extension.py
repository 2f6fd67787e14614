"""``gh pvdify``: what it adds to ``pvdify``, and that it adds nothing else."""

import io
import json
from pathlib import Path

import pytest

from pvdify.cli.extension import run_extension
from pvdify.cli.io import Io, Surroundings
from tests.fakes.api import TOKEN, FakeApi, Fault
from tests.fakes.runner_tokens import RunnerTokens, given
from tests.unit.cli.conftest import Pvdify, Ran

COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


class GhPvdify(Pvdify):
    """Run ``gh pvdify`` in this process."""

    def __call__(self, *argv: str, stdin: str = "", secret: str = "") -> Ran:
        out, err = io.StringIO(), io.StringIO()
        streams = Io(stdin=io.StringIO(stdin), stdout=out, stderr=err)
        surroundings = Surroundings(environ=self.environ, folder=self.folder, stdin=io.StringIO(stdin))
        code = run_extension(argv, surroundings, streams)
        return Ran(stdout=out.getvalue(), stderr=err.getvalue(), code=code)


@pytest.fixture
def gh(pvdify: Pvdify) -> GhPvdify:
    return GhPvdify(folder=pvdify.folder, environ=dict(pvdify.environ))


@pytest.fixture
def in_workflow(gh: GhPvdify, tmp_path: Path) -> GhPvdify:
    gh.environ |= {
        "GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "Org/MyApp", "GITHUB_SHA": COMMIT, "GITHUB_RUN_NUMBER": "7",
        "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch",
        "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
    }  # fmt: skip
    return gh


def text(gh: GhPvdify, variable: str) -> str:
    return Path(gh.environ[variable]).read_text()


def test_gh_pvdify_behaves_like_pvdify(gh: GhPvdify, pvdify: Pvdify, api: FakeApi) -> None:
    api.add_release("myapp")
    lines = (
        ("releases", "myapp"), ("status", "--json"), ("logs", "myapp", "-n", "5"),
        ("preview:close", "nothing", "--pr", "3"),
        ("config", "myapp"), ("apps",), ("--version",), ("deploy", "myapp", "--image", "app:v2", "--json"),
    )  # fmt: skip

    for line in lines[:-1]:
        assert gh(*line) == pvdify(*line)
    assert json.loads(gh(*lines[-1]).stdout)["image"] == "app:v2"


def test_the_default_image_is_that_of_the_commit(in_workflow: GhPvdify, api: FakeApi) -> None:
    ran = in_workflow("deploy")

    assert ran.code == 0
    assert api.asked[0].path == "/api/v1/apps/myapp/releases"
    assert api.asked[0].body["image"] == f"ghcr.io/org/myapp:{COMMIT}"
    assert (api.asked[0].body["branch"], api.asked[0].body["run_number"]) == ("main", 7)


def test_the_default_image_of_a_preview_has_the_pull_requests_tag(in_workflow: GhPvdify, api: FakeApi) -> None:
    in_workflow("preview", "--pr", "12")

    assert api.asked[0].body["image"] == "ghcr.io/org/myapp:pr-12"


def test_an_explicit_image_is_used(in_workflow: GhPvdify, api: FakeApi) -> None:
    in_workflow("deploy", "--image", "quay.io/org/other:1")
    in_workflow("preview", "--pr", "12", "--image", "quay.io/org/other:2")

    images = [asked.body["image"] for asked in api.asked if asked.method in ("POST", "PUT")]
    assert images == ["quay.io/org/other:1", "quay.io/org/other:2"]


def test_without_a_repository_an_image_has_to_be_named(gh: GhPvdify) -> None:
    ran = gh("deploy", "myapp")

    assert ran.code == 2
    assert ran.stderr.startswith("error: invalid-request\n  no image was named\n")
    assert ran.stderr.endswith("next: name it: --image REF\n")


def test_outputs_and_the_summary_are_written(in_workflow: GhPvdify) -> None:
    in_workflow("deploy")

    assert text(in_workflow, "GITHUB_OUTPUT") == "url=https://myapp.pvdify.win\nversion=1\n"
    summary = text(in_workflow, "GITHUB_STEP_SUMMARY")
    assert summary.startswith("### myapp v1 is live\n\n| | |\n|---|---|\n| Address | https://myapp.pvdify.win |\n")
    assert f"| Commit | `{COMMIT}` |" in summary


def test_the_summary_contains_the_receipt(in_workflow: GhPvdify, api: FakeApi) -> None:
    requests = {"served": 1203, "failed": 0, "app_errors": 1, "cut": 2, "is_final": False}
    receipt = {"requests": requests, "steps": {"pull": 1800, "switch": 4}, "seconds": 6.2}
    api.script.outcome = {"status": "active", "receipt": receipt}

    in_workflow("deploy")

    summary = text(in_workflow, "GITHUB_STEP_SUMMARY")
    assert "| Took | 6.2s |\n| Steps | pull 1.8s, switch 4ms |\n" in summary
    assert "| Requests | 1203 served so far, 0 failed, 2 cut |" in summary


def test_the_second_release_says_how_to_undo_it(in_workflow: GhPvdify, api: FakeApi) -> None:
    api.add_release("myapp")

    in_workflow("deploy")

    assert text(in_workflow, "GITHUB_STEP_SUMMARY").endswith("\nUndo: `gh pvdify rollback myapp`\n\n")


def test_a_deploy_without_waiting_is_in_the_summary(in_workflow: GhPvdify) -> None:
    in_workflow("preview", "--pr", "12", "--no-wait")

    assert text(in_workflow, "GITHUB_OUTPUT") == "url=https://myapp-pr-12.pvdify.win\nversion=1\n"


def test_a_failure_is_in_the_summary_as_it_is_in_the_log(in_workflow: GhPvdify, api: FakeApi) -> None:
    api.faults.append(
        Fault(status=403, content_type="application/problem+json",
              content=b'{"code": "not-allowed", "detail": "no", "why": "a reader", "next": "ask"}')
    )  # fmt: skip

    ran = in_workflow("deploy")

    assert ran.code == 3
    assert text(in_workflow, "GITHUB_STEP_SUMMARY") == (
        "### pvdify: not-allowed\n\n    error: not-allowed\n      no\n      why:  a reader\n      next: ask\n"
    )


def test_the_token_is_masked_first_and_is_nowhere_else(in_workflow: GhPvdify) -> None:
    ran = in_workflow("deploy")

    assert ran.stderr.splitlines()[0] == f"::add-mask::{TOKEN}"
    rest = ran.stdout + text(in_workflow, "GITHUB_OUTPUT") + text(in_workflow, "GITHUB_STEP_SUMMARY")
    assert TOKEN not in "\n".join(ran.stderr.splitlines()[1:]) + rest


def test_the_token_that_a_job_was_given_is_masked_before_anything_else(in_workflow: GhPvdify, api: FakeApi) -> None:
    del in_workflow.environ["PVDIFY_TOKEN"]
    api.faults.append(given(TOKEN))
    with RunnerTokens() as github:
        in_workflow.environ |= {name: value for name, value in github.environ.items() if name.startswith("ACTIONS_")}

        ran = in_workflow("deploy")

    assert api.asked[0].path == "/api/v1/auth/github"
    assert ran.stderr.splitlines()[0] == f"::add-mask::{TOKEN}"
    reported = text(in_workflow, "GITHUB_OUTPUT") + text(in_workflow, "GITHUB_STEP_SUMMARY")
    shown = "\n".join([*ran.stderr.splitlines()[1:], ran.stdout, reported])
    assert [word for word in (TOKEN, "of-github", "of-the-runner") if word in shown] == []


def test_outside_of_a_workflow_nothing_is_masked_or_reported(gh: GhPvdify, tmp_path: Path) -> None:
    gh.environ |= {"GITHUB_OUTPUT": str(tmp_path / "output")}

    ran = gh("deploy", "myapp", "--image", "app:v1")

    assert "add-mask" not in ran.stderr
    assert not (tmp_path / "output").exists()


def test_a_summary_that_cannot_be_written_changes_nothing_else(in_workflow: GhPvdify, tmp_path: Path) -> None:
    in_workflow.environ["GITHUB_STEP_SUMMARY"] = str(tmp_path / "no" / "summary")

    ran = in_workflow("deploy")

    assert ran.code == 0
    assert "GITHUB_STEP_SUMMARY was not written: No such file or directory\n" in ran.stderr


def test_help_names_gh_pvdify(gh: GhPvdify, capsys: pytest.CaptureFixture[str]) -> None:
    for line in (("deploy", "--help"), ("rollback", "--help"), ("--help",)):
        assert gh(*line).code == 0

    shown = capsys.readouterr().out
    assert "Usage: gh pvdify deploy" in shown
    assert "ghcr.io/OWNER/REPO:COMMIT" in shown
    assert "  gh pvdify rollback myapp v41 --plan" in shown
    assert " pvdify deploy" not in shown.replace("gh pvdify", "")


def test_a_usage_error_names_the_command_that_exists(gh: GhPvdify) -> None:
    ran = gh("deploy", "--nonsense")

    assert ran.code == 2
    assert ran.stderr.endswith("\n  next: gh pvdify deploy --help\n")


def test_help_of_pvdify_itself_is_as_it_was(gh: GhPvdify, pvdify: Pvdify, capsys: pytest.CaptureFixture[str]) -> None:
    gh("deploy", "--help")
    capsys.readouterr()

    pvdify("deploy", "--help")

    assert "gh" not in capsys.readouterr().out.split()
