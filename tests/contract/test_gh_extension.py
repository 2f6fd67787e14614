"""``gh pvdify`` in the real gh: installed as users do it, with only requests that GitHub's API has."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.api import TOKEN, FakeApi
from tests.fakes.github import FakeGithub, pull_request
from tests.support import gh


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gh.publish(tmp_path_factory.mktemp("published"))


@pytest.fixture
def github(tmp_path: Path) -> Iterator[FakeGithub]:
    with FakeGithub(tmp_path / "github.sock") as running:
        yield running


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A checkout of org/shop on the branch `feature`."""
    folder = tmp_path / "shop"
    git = ("git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.com")
    folder.mkdir()
    for arguments in (("init", "--quiet", "-b", "feature"), ("commit", "--quiet", "--allow-empty", "-m", "First"),
                      ("remote", "add", "origin", "git@github.com:org/shop.git")):  # fmt: skip
        subprocess.run((*git, *arguments), check=True)
    return folder


@pytest.fixture
def environ(tmp_path: Path, github: FakeGithub, api: FakeApi, published: Path) -> dict[str, str]:
    access = {"PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN, "GH_TOKEN": "gh_token"}
    return gh.environment(tmp_path / "home", github.socket, published) | access


def run(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (gh.GH, *arguments), cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def head(repository: Path) -> str:
    return subprocess.check_output(("git", "-C", repository, "rev-parse", "HEAD"), text=True).strip()


def test_it_is_installed_from_its_repository_and_asks_for_the_image_of_the_checkout(
    shop: Path, environ: dict[str, str], api: FakeApi, github: FakeGithub, published: Path
) -> None:
    github.commits["v1.0.0"] = head(published)

    installed = run(shop, environ, "extension", "install", "pvdify/gh-pvdify", "--pin", "v1.0.0")
    ran = run(shop, environ, "pvdify", "deploy")

    commit = head(shop)
    assert (installed.returncode, ran.returncode) == (0, 0), installed.stderr + ran.stderr
    assert ran.stdout == "v1 is live at https://shop.pvdify.win\n"
    assert ran.stderr == f"Deploying ghcr.io/org/shop:{commit} to shop\n"
    assert (api.asked[0].body["commit"], api.asked[0].body["branch"]) == (commit, "feature")


def test_it_is_installed_from_the_folder_without_an_account(shop: Path, environ: dict[str, str], api: FakeApi) -> None:
    del environ["GH_TOKEN"]
    api.add_release("shop")

    installed = run(gh.CHECKOUT / "gh-pvdify", environ, "extension", "install", ".")
    refused = run(shop, environ, "pvdify", "preview:close", "nothing", "--pr", "3")
    listed = run(shop, environ, "pvdify", "releases", "--json")

    assert installed.returncode == 0, installed.stderr
    assert (refused.returncode, listed.returncode) == (4, 0)
    assert '"version": 1' in listed.stdout


def test_the_pull_request_of_a_branch_is_read_from_github(
    shop: Path, environ: dict[str, str], api: FakeApi, github: FakeGithub
) -> None:
    github.pull_requests.append(pull_request(12, "org/shop", labels=[{"name": "preview"}]))
    run(shop, environ, "extension", "install", "pvdify/gh-pvdify")
    github.asked.clear()

    ran = run(shop, environ, "pvdify", "preview", "--no-wait")

    assert ran.stdout == "https://shop-pr-12.pvdify.win\n", ran.stderr
    assert api.asked[0].body | {"allow_older": False} == {
        "image": "ghcr.io/org/shop:pr-12", "commit": "c0ffee", "branch": "feature", "repository": "org/shop",
        "allow_older": False, "fork": False, "labels": ["preview"],
    }  # fmt: skip
    assert github.asked == ["GET /repos/org/shop/pulls?state=open&head=org%3Afeature"]


def test_a_pull_request_number_works_without_github(shop: Path, environ: dict[str, str], api: FakeApi) -> None:
    run(shop, environ, "extension", "install", "pvdify/gh-pvdify")
    del environ["GH_TOKEN"]

    named = run(shop, environ, "pvdify", "preview", "--pr", "3", "--no-wait")
    unnamed = run(shop, environ, "pvdify", "preview", "--no-wait")

    assert named.stdout == "https://shop-pr-3.pvdify.win\n"
    assert api.asked[0].body["image"] == "ghcr.io/org/shop:pr-3"
    assert unnamed.returncode == 2
    assert "no pull request was named" in unnamed.stderr
