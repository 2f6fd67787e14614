"""A server whose database is lost: running containers are kept, and both recoveries work."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pvdify.settings import SYSTEMD_IS_HERE
from tests.e2e.trial import PVDIFYD, Trial
from tools.demo import stage as stages

UNITS = Path("/run/systemd/system")
DATABASE = ("pvdify.db", "pvdify.db-wal", "pvdify.db-shm")
LONGER_THAN_A_PASS = 12.0  # seconds: the reconciler runs every five


@pytest.fixture(params=["podman", "systemd"])
def trial(request: pytest.FixtureRequest) -> Iterator[Trial]:
    if request.param == "systemd" and not SYSTEMD_IS_HERE.is_dir():
        pytest.skip("systemd is not process 1 here")
    with Trial("--runtime", request.param) as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("deploy", "shop", "--image", trial.stage.image("v1"))
        yield trial
        trial.stop()
        remove_units(trial)


def remove_units(trial: Trial) -> None:
    """Else systemd starts again what is cleaned up."""
    for file in UNITS.glob("pvdify-*.service"):
        if f"Server={stages.server_id(trial.stage)}\n" in file.read_text():
            subprocess.run(("systemctl", "stop", file.name), check=False, capture_output=True)
            file.unlink()


def lose_database(trial: Trial, aside: Path) -> None:
    trial.stop()
    aside.mkdir()
    for name in DATABASE:
        with suppress(FileNotFoundError):
            shutil.move(trial.stage.data_dir / name, aside / name)


def started(trial: Trial, *flags: str) -> subprocess.CompletedProcess[str]:
    """pvdifyd, which is to end by itself."""
    return subprocess.run(
        (*PVDIFYD, *trial.stage.server_arguments(), *trial._settings, *flags), check=False, capture_output=True,
        text=True, env=trial.stage.environment(), timeout=60,
    )  # fmt: skip


def running(trial: Trial) -> list[str]:
    """Return the ids of running containers; a recreated container has another id."""
    return sorted(each["Id"] for each in trial._listed() if each["State"] == "running")


def test_no_container_is_removed_and_both_recoveries_work(trial: Trial, tmp_path: Path) -> None:
    before, aside = running(trial), tmp_path / "aside"
    lose_database(trial, aside)

    refused = started(trial)

    assert refused.returncode == 5
    assert "error: database-missing" in refused.stderr
    assert "1 containers (pvdify-shop-web-v1-1)" in refused.stderr
    assert "routes of shop" in refused.stderr
    assert running(trial) == before
    assert trial.get("shop")[:2] == (200, "v1")

    begun = started(trial, "--new-database")
    assert begun.returncode == 0, begun.stderr
    trial.start()
    time.sleep(LONGER_THAN_A_PASS)
    assert running(trial) == before
    trial.pvdify("deploy", "shop", "--image", trial.stage.image("v1"))
    assert set(before) < set(running(trial))
    assert trial.get("shop")[:2] == (200, "v1")

    anew = sorted(set(running(trial)) - set(before))
    lose_database(trial, tmp_path / "anew")
    (trial.stage.data_dir / "database.id").unlink()
    (put_aside,) = trial.stage.data_dir.glob("before-new-database-*")
    for path in [*aside.iterdir(), put_aside / "database.id", put_aside / "admin.token"]:
        (trial.stage.data_dir / path.name).write_bytes(path.read_bytes())
    trial.start()
    time.sleep(LONGER_THAN_A_PASS)
    assert running(trial) == sorted([*before, *anew])
    assert trial.get("shop")[:2] == (200, "v1")
    assert trial.settle("shop")["version"] == 1
