"""Tables, fitted into the width of the terminal."""

import re

import pytest

from pvdify.cli.tables import table
from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify

LONG_NAME = "a" * 33 + "-pr-120"  # the longest name that an app can have
COMMIT = "1a2b3c4d5e6f" + "7" * 28
INSTANCE = {
    "name": "n", "process": "web", "number": 1, "release": 1, "slot": "live", "state": "running", "port": 3001,
    "restarts": 12, "started_at": "2026-11-23T11:31:02Z", "exit": "137 (out of memory)", "memory": 88_080_384,
    "memory_limit": 536_870_912, "cpu": 0.12, "cpu_limit": 0.5, "last_exit": None,
}  # fmt: skip


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_a_table_that_fits_is_unchanged() -> None:
    rows = (("myapp", "ghcr.io/org/app:v1", "2026-11-23 11:31:02Z"),)

    assert table(("APP", "IMAGE", "CREATED"), rows, width=80) == (
        "APP    IMAGE               CREATED\nmyapp  ghcr.io/org/app:v1  2026-11-23 11:31:02Z"
    )


def test_columns_shrink_by_seconds_then_registry_then_commit() -> None:
    rows = (("myapp", f"ghcr.io/org/app:{COMMIT}", "2026-11-23 11:31:02Z"),)
    lines = [table(("APP", "IMAGE", "CREATED"), rows, width=width).splitlines()[1] for width in (85, 80, 60, 45)]

    assert lines == [
        f"myapp  ghcr.io/org/app:{COMMIT}  2026-11-23 11:31:02Z",
        f"myapp  …/app:{COMMIT}  2026-11-23 11:31Z",
        "myapp  …/app:1a2b3c4d5e6f  2026-11-23 11:31Z",
        "myapp  …/app:1a2b3c4d5e6f  2026-11-23 11:31Z",
    ]


def test_images_in_sentences_are_shortened_before_columns_are_dropped() -> None:
    images = (f"ghcr.io/org/app:{COMMIT}", f"ghcr.io/org/app@sha256:{'0f' * 32}", "ghcr.io/org/app:v1")
    rows = (("deploy.live", f"deploy {image}") for image in images)

    assert table(("EVENT", "TEXT"), rows, width=42).splitlines()[1:] == [
        "deploy.live  deploy …/app:1a2b3c4",
        "deploy.live  deploy …/app@sha256:0f0f0f0",
        "deploy.live  deploy ghcr.io/org/app:v1",
    ]


def test_a_column_wraps_at_words() -> None:
    rows = (("disk", "2 GB are free, and the next deploy needs about 3 GB", "ok"), ("router", "answers", "ok"))

    assert table(("CHECK", "FINDING", "STATE"), rows, width=40) == (
        "CHECK   FINDING                    STATE\n"
        "disk    2 GB are free, and the     ok\n"
        "        next deploy needs about 3\n"
        "        GB\n"
        "router  answers                    ok"
    )


def test_columns_without_a_value_are_left_out_before_others() -> None:
    rows = (("web.1", "-", "v12", "a-rather-long-word"),)

    assert table(("INSTANCE", "CPU", "RELEASE", "STATE"), rows, width=40) == (
        "INSTANCE  RELEASE  STATE\nweb.1     v12      a-rather-long-word"
    )


def test_a_value_that_people_copy_is_never_cut() -> None:
    value = "x" * 200

    assert table(("KEY", "VALUE"), (("A", value),), width=80).splitlines()[1] == f"A    {value}"


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("name", ["shop", "shop-staging", LONG_NAME])
def test_apps_say_since_when_their_status_holds_at_80_columns(pvdify: Pvdify, api: FakeApi, name: str) -> None:
    image, url = f"ghcr.io/some-organization/{name}:{COMMIT}", f"https://{name}.apps.example.com"
    api.add_app(name, status="crashing", status_cause="exit 1, 6 restarts", release=42, image=image, url=url)

    header, line, *_ = pvdify("apps").stdout.splitlines()

    assert header.split()[:3] == ["APP", "STATUS", "SINCE"]
    assert line.startswith(name)
    assert re.search(r"2026-11-\d\d \d\d:\d\dZ", line)


@pytest.mark.usefixtures("narrow")
def test_every_list_fits_80_columns_with_the_longest_names(pvdify: Pvdify, api: FakeApi) -> None:
    image = f"ghcr.io/some-organization/{LONG_NAME}:{COMMIT}"
    url = f"https://{LONG_NAME}.pvdify.win"
    api.add_app(LONG_NAME, status="maintenance", release=1234, image=image, url=url)
    api.add_release(LONG_NAME, image=image, created_by="github:some-organization", status="superseded")
    api.add_release(LONG_NAME, image=image, failure={"code": "not-enough-memory", "what": "w", "why": "", "next": ""})
    command = ["bundle", "exec", "sidekiq", "--queue", "critical", "--queue", "default", "--concurrency", "25"]
    api.processes[LONG_NAME] = [
        {"name": "web", "command": command, "count": 1, "declared": 1, "instances": [INSTANCE]},
        {"name": "worker", "command": None, "count": 1, "declared": 1, "instances": []},
    ]
    api.checks = [{"name": "images", "state": "warning", "text": "is about to be full, " * 9, "next": "podman rmi X"}]

    listings = ("apps", f"releases {LONG_NAME}", f"ps {LONG_NAME}", f"domains {LONG_NAME}", "tokens", "registry")
    for line in listings:
        ran = pvdify(*line.split())
        assert ran.code == 0, ran.stderr
        assert max(map(len, ran.stdout.splitlines()), default=0) <= 80, ran.stdout
    assert LONG_NAME in pvdify("apps").stdout
    assert "137 (out of" in pvdify("ps", LONG_NAME).stdout
    checks = pvdify("status").stdout
    assert max(map(len, checks.splitlines())) <= 80
    assert "\nTO DO   NEXT\nimages  podman rmi X\n" in checks


def test_instances_of_the_live_and_the_previous_release_differ_in_80_columns() -> None:
    headers = ("INSTANCE", "STATE", "SLOT", "RELEASE", "PORT", "MEMORY", "CPU", "RESTARTS", "LAST EXIT", "SINCE")
    rows = [
        ("web.1", "running", slot, "v41", "3001", "122M/512M", "12%", "0", "-", "2026-11-30 10:00:00Z")
        for slot in ("live", "standby")
    ]

    text = table(headers, rows, width=80)

    assert max(map(len, text.splitlines())) <= 80
    assert "standby" in text
