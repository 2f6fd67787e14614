"""Secrets on a real server: the app gets them, and they are nowhere else."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.trial import Trial

CANARY = "canary-" + os.urandom(12).hex()
EARLIER = "earlier-" + os.urandom(12).hex()


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.start()
        yield trial


def files_with(value: str, folder: Path) -> list[Path]:
    """Every file below that has the value in it."""
    return [path for path in folder.rglob("*") if path.is_file() and value.encode() in path.read_bytes()]


def arguments_with(value: str) -> list[str]:
    """Every process of this machine that has the value in its arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if value.encode() in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


def test_secret_reaches_the_app_and_no_disk_and_no_argument(trial: Trial, tmp_path: Path):
    (tmp_path / "key").write_text(CANARY)
    trial.pvdify("apps:create", "hello")
    was_set = trial.pvdify("config:set", "hello", "--secret", f"API_KEY=@{tmp_path / 'key'}")

    done = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))

    assert "API_KEY" in trial.get("hello", "/env")[2].splitlines()
    assert CANARY not in was_set.stdout + was_set.stderr + done.stdout + done.stderr
    assert files_with(CANARY, trial.stage.data_dir) == []
    assert arguments_with(CANARY) == []
    assert trial.process is not None
    assert CANARY.encode() not in Path(f"/proc/{trial.process.pid}/environ").read_bytes()
    assert trial.pvdify("config:get", "hello", "API_KEY", "--reveal").stdout == f"{CANARY}\n"


def test_key_is_rotated_while_a_deploy_runs_and_the_server_starts_again_with_it(trial: Trial):
    before = (trial.stage.data_dir / "age.key").read_bytes()
    deploy = threading.Thread(target=trial.pvdify, args=("deploy", "hello", "--image", trial.stage.image("v1")))
    deploy.start()
    for _ in range(3):
        trial.pvdify("secrets:rotate")
    deploy.join()

    trial.stop()
    trial.start()
    trial.pvdify("deploy", "hello")

    assert (trial.stage.data_dir / "age.key").read_bytes() != before
    assert trial.settle("hello")["status"] == "active"
    assert "API_KEY" in trial.get("hello", "/env")[2].splitlines()
    assert files_with(CANARY, trial.stage.data_dir) == []


def test_config_in_clear_from_before_encryption_is_encrypted_at_the_start(trial: Trial):
    trial.pvdify("config:set", "hello", f"OLD={EARLIER}")
    trial.stop()
    (sealed,) = sorted((trial.stage.data_dir / "config" / "hello").glob("v2.*"))
    sealed.unlink()
    sealed.with_name("v2.yaml").write_text(f"OLD: {EARLIER}\n")

    trial.start()

    assert trial.pvdify("config:get", "hello", "OLD").stdout == f"{EARLIER}\n"
    assert files_with(EARLIER, trial.stage.data_dir) == []


def test_a_lost_key_leaves_the_app_serving_and_names_the_next_step(trial: Trial):
    key = trial.stage.data_dir / "age.key"
    kept = key.read_bytes()
    trial.stop()
    key.unlink()

    trial.start()
    refused = trial.pvdify("config", "hello", check=False)
    served = trial.get("hello")[0]
    key.write_bytes(kept)

    assert (served, refused.returncode) == (200, 1)
    assert "put the key back" in refused.stderr
    assert trial.pvdify("config", "hello").stdout
