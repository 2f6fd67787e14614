import subprocess
from pathlib import Path

import pytest

from pvdify.cli import git
from pvdify.cli.source import Source
from pvdify.wire.requests import Deploy
from tests.unit.cli.conftest import Pvdify


def sent(pvdify: Pvdify) -> Source:
    deploy = pvdify.parse("deploy", "a1").options.deploy
    assert isinstance(deploy, Deploy)
    return Source(commit=deploy.commit, branch=deploy.branch, run_number=deploy.run_number)


@pytest.fixture
def repository(pvdify: Pvdify) -> Path:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (("init", "-q", "-b", "trunk"), ("commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *identity, *command], cwd=pvdify.folder, check=True)
    return pvdify.folder


def test_a_workflow_on_a_branch(pvdify: Pvdify) -> None:
    pvdify.environ |= {
        "GITHUB_SHA": "c0ffee", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch", "GITHUB_HEAD_REF": "",
        "GITHUB_RUN_NUMBER": "17",
    }  # fmt: skip

    assert sent(pvdify) == Source(commit="c0ffee", branch="main", run_number=17)


def test_a_workflow_on_a_pull_request(pvdify: Pvdify) -> None:
    pvdify.environ |= {
        "GITHUB_SHA": "c0ffee", "GITHUB_REF_NAME": "12/merge", "GITHUB_REF_TYPE": "branch",
        "GITHUB_HEAD_REF": "feature", "GITHUB_RUN_NUMBER": "17",
    }  # fmt: skip

    assert sent(pvdify) == Source(commit="c0ffee", branch="feature", run_number=17)


def test_a_workflow_on_a_tag_has_no_branch(pvdify: Pvdify) -> None:
    pvdify.environ |= {"GITHUB_SHA": "c0ffee", "GITHUB_REF_NAME": "v1.0", "GITHUB_REF_TYPE": "tag"}

    assert sent(pvdify) == Source(commit="c0ffee")


def test_a_checkout_says_commit_and_branch(pvdify: Pvdify, repository: Path) -> None:
    source = sent(pvdify)

    assert (len(source.commit or ""), source.branch, source.run_number) == (40, "trunk", None)


def test_a_detached_head_has_no_branch(pvdify: Pvdify, repository: Path) -> None:
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=repository, check=True)

    assert sent(pvdify).branch is None


def test_a_missing_repository_or_git_is_no_error(pvdify: Pvdify, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sent(pvdify) == Source()
    # The absence of git cannot be arranged otherwise.
    monkeypatch.setenv("PATH", "")
    assert git.head(pvdify.folder) is None


def test_a_repository_without_a_commit_has_no_source(pvdify: Pvdify) -> None:
    subprocess.run(["git", "init", "-q"], cwd=pvdify.folder, check=True)

    assert sent(pvdify) == Source()
