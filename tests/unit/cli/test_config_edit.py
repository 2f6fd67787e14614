"""``pvdify config:edit`` and ``config:copy``."""

import json
from pathlib import Path

import pytest

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


@pytest.fixture
def shop(api: FakeApi) -> FakeApi:
    api.add_app("shop")
    api.config["shop"] = {"LANG": "en", "LEVEL": "info", "MOTTO": "a 'b' c", "KEY": {"secret": True}}
    return api


def editor(pvdify: Pvdify, script: str) -> None:
    """Set EDITOR to this shell script, which gets the file as $1."""
    program = pvdify.folder / "editor"
    program.write_text(f"#!/bin/sh\nset -e\n{script}\n")
    program.chmod(0o755)
    pvdify.environ["EDITOR"] = f"sh {program}"


def changes(api: FakeApi) -> list[object]:
    return [asked.body for asked in api.asked if asked.method == "PATCH"]


def test_changed_lines_set_and_removed_lines_unset(pvdify: Pvdify, shop: FakeApi) -> None:
    editor(pvdify, 'sed -i -e s/info/debug/ -e /LANG/d "$1"; echo NEW=1 >>"$1"')

    ran = pvdify("config:edit", "shop")

    assert changes(shop) == [{"LEVEL": "debug", "NEW": "1", "LANG": None}]
    assert ran == Ran(
        stdout="config v1 of shop: set LEVEL, NEW; unset LANG\n",
        stderr="applied by the next deploy: pvdify deploy shop\n",
    )


def test_config_edit_lists_secrets_by_name_and_never_changes_them(
    pvdify: Pvdify, shop: FakeApi, tmp_path: Path
) -> None:
    editor(pvdify, f'cp "$1" {tmp_path}/seen; : >"$1"')

    pvdify("config:edit", "shop")

    seen = (tmp_path / "seen").read_text()
    assert "# Secret, and not touched here: KEY\n" in seen
    assert "MOTTO='a \\'b\\' c'\n" in seen
    assert changes(shop) == [{"LANG": None, "LEVEL": None, "MOTTO": None}]


def test_an_unchanged_text_changes_nothing(pvdify: Pvdify, shop: FakeApi) -> None:
    editor(pvdify, "true")

    assert "nothing was changed" in pvdify("config:edit", "shop").stdout
    assert changes(shop) == []


def test_an_invalid_text_is_kept_in_a_file(pvdify: Pvdify, shop: FakeApi) -> None:
    editor(pvdify, 'echo "no assignment" >>"$1"')

    ran = pvdify("config:edit", "shop")

    kept = Path(ran.stderr.partition("your text is kept in ")[2].splitlines()[0])
    assert (ran.code, "line 6: expected KEY=VALUE" in ran.stderr, changes(shop)) == (2, True, [])
    assert kept.read_text().endswith("no assignment\n")
    assert kept.stat().st_mode & 0o77 == 0 or kept.parent.stat().st_mode & 0o77 == 0


def test_config_edit_does_not_overwrite_a_concurrent_change(pvdify: Pvdify, shop: FakeApi) -> None:
    shop.versions["shop"] = [{"version": 1, "created_at": "2026-11-23T11:31:02Z", "created_by": "ann", "set": [],
                              "unset": []}]  # fmt: skip
    editor(pvdify, f'sed -i s/info/debug/ "$1"; touch {pvdify.folder}/edited')
    original = shop.config_headers

    def headers(app: str) -> dict[str, str]:
        is_edited = (pvdify.folder / "edited").exists()
        return original(app) | ({"X-Config-Version": "2"} if is_edited else {})

    shop.config_headers = headers  # type: ignore[method-assign]

    ran = pvdify("config:edit", "shop")

    assert (ran.code, changes(shop)) == (5, [])
    assert "was changed by another client meanwhile" in ran.stderr
    assert "your text is kept in" in ran.stderr


def test_an_editor_that_fails_or_is_missing_changes_nothing(pvdify: Pvdify, shop: FakeApi) -> None:
    editor(pvdify, "exit 3")
    assert pvdify("config:edit", "shop").code == 1

    pvdify.environ["VISUAL"] = "/nonexistent/editor"
    ran = pvdify("config:edit", "shop")

    assert (ran.code, "set EDITOR to one that is installed" in ran.stderr) == (2, True)
    assert changes(shop) == []


def test_a_copy_leaves_secrets_out_unless_asked(pvdify: Pvdify, shop: FakeApi) -> None:
    shop.add_app("blog")
    shop.config["blog"] = {"LANG": "en", "OWN": "1"}

    ran = pvdify("config:copy", "shop", "blog")

    assert ran == Ran(
        stdout="config v3 of blog: set LEVEL, MOTTO as in shop\n",
        stderr="applied by the next deploy: pvdify deploy blog\n"
        "left out, as they are secret: KEY; --secrets copies them, too\n",
    )
    assert pvdify("config:copy", "shop", "blog", "--secrets").stdout == "config v3 of blog: set KEY as in shop\n"
    assert [asked.body for asked in shop.asked if asked.path.endswith("/copy")] == [
        {"source": "shop", "keys": [], "secrets": False}, {"source": "shop", "keys": [], "secrets": True},
    ]  # fmt: skip
    assert "info" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("config:copy", "error: FROM is missing"), ("config:copy shop", "error: TO is missing"),
        ("config:copy shop shop", "error: FROM and TO are the same app"),
    ],
)  # fmt: skip
def test_a_copy_needs_two_apps(pvdify: Pvdify, line: str, message: str) -> None:
    ran = pvdify(*line.split())

    assert (ran.code, ran.stderr.splitlines()[0]) == (2, message)


def test_an_app_given_as_a_key_is_reported(pvdify: Pvdify, shop: FakeApi) -> None:
    pvdify.environ["PVDIFY_APP"] = "shop"

    assert pvdify("config:get", "shop").stderr == (
        "error: KEY is missing: shop is an app, and no config var of shop\n  next: pvdify config:get shop KEY\n"
    )
    assert "error: config-var-not-found\n" in pvdify("config:get", "other").stderr


def test_the_url_of_a_service_is_listed_and_not_shown(pvdify: Pvdify, shop: FakeApi) -> None:
    shop.config["shop"] = {"DATABASE_URL": {"secret": True, "service": "db"}}

    listed = pvdify("config", "shop")
    as_json = pvdify("config", "shop", "--json")
    got = pvdify("config:get", "shop", "DATABASE_URL")

    assert listed.stdout == "KEY           VALUE\nDATABASE_URL  (secret, URL of the service db)\n"
    assert json.loads(as_json.stdout)["vars"] == {"DATABASE_URL": {"secret": True, "service": "db"}}
    assert (got.code, got.stdout) == (3, "")
    assert "services:connect db" in got.stderr
