import subprocess

import pytest

from pvdify.cli import app_name
from pvdify.errors import InvalidError, InvalidManifest
from pvdify.manifest import names
from tests.unit.cli.conftest import Pvdify


def resolved(pvdify: Pvdify, *argv: str) -> str:
    return str(pvdify.parse("ps", *argv).options.app)


def test_app_names_are_resolved_in_order_of_precedence(pvdify: Pvdify) -> None:
    subprocess.run(["git", "init", "-q"], cwd=pvdify.folder, check=True)
    remote = "git@github.com:org/from_Remote.js.git"
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=pvdify.folder, check=True)
    assert resolved(pvdify) == "from-remote-js"

    pvdify.environ["GITHUB_REPOSITORY"] = "org/from-github"
    assert resolved(pvdify) == "from-github"

    (pvdify.folder / "pvdify.yml").write_text("port: 80\n")
    assert resolved(pvdify) == "from-github"

    (pvdify.folder / "pvdify.yml").write_text("app: from-manifest\n")
    assert resolved(pvdify) == "from-manifest"

    pvdify.environ["PVDIFY_APP"] = "from-environment"
    assert resolved(pvdify) == "from-environment"

    assert resolved(pvdify, "--app", "from-option") == "from-option"
    assert resolved(pvdify, "from-argument") == "from-argument"
    assert resolved(pvdify, "same", "--app", "same") == "same"


@pytest.mark.parametrize(
    ("repository", "app"), [("MyOrg/App", "app"), ("o/My.Web_Shop", "my-web-shop"), ("o/-a_b-", "a-b")]
)
def test_capitals_and_other_characters_of_a_repository_become_a_name(pvdify: Pvdify, repository: str, app: str) -> None:
    pvdify.environ["GITHUB_REPOSITORY"] = repository

    assert resolved(pvdify) == app


@pytest.mark.parametrize("repository", ["o/2048-game", "o/x", "o/" + "long" * 11])
def test_a_repository_that_yields_no_valid_name_asks_for_one(pvdify: Pvdify, repository: str) -> None:
    pvdify.environ["GITHUB_REPOSITORY"] = repository

    with pytest.raises(InvalidError) as caught:
        resolved(pvdify)

    assert repository.partition("/")[2] in caught.value.what
    assert "app: NAME" in caught.value.next


def test_names_are_as_the_server_has_them() -> None:
    assert app_name.APP_NAME.pattern == names.APP_NAME.pattern


def test_without_any_name_the_error_lists_the_ways(pvdify: Pvdify) -> None:
    with pytest.raises(InvalidError) as caught:
        resolved(pvdify)

    for way in ("first argument", "--app", "PVDIFY_APP", "pvdify.yml", "git remote", "GITHUB_REPOSITORY"):
        assert way in caught.value.why


def test_a_manifest_that_is_no_yaml_is_reported_with_its_place(pvdify: Pvdify) -> None:
    (pvdify.folder / "pvdify.yml").write_text("app: [\n")

    with pytest.raises(InvalidManifest) as caught:
        resolved(pvdify)

    assert "line 2" in caught.value.why


@pytest.mark.parametrize("name", ["ghcr.io/org/app:v1", "app:v1"])
def test_an_image_given_as_the_app_is_recognised(pvdify: Pvdify, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        resolved(pvdify, name)

    assert caught.value.next == f"for an image: pvdify deploy APP --image {name}"


@pytest.mark.parametrize("name", ["..", "My App", "é"])
def test_an_invalid_name_is_never_put_into_a_url(pvdify: Pvdify, name: str) -> None:
    with pytest.raises(InvalidError):
        resolved(pvdify, name)
