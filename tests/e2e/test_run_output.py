"""``pvdify run`` through pipes: byte for byte, whatever the bytes are and however many."""

import hashlib
import os
import random
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.trial import PVDIFY, Trial

SECRET = "blue-sky-and-clouds"


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial("--standby", "1s") as trial:
        trial.push("v1")
        trial.start()
        trial.pvdify("apps:create", "hello")
        trial.pvdify("config:set", "hello", "--secret", f"API_PW={SECRET}")
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        yield trial


def run(trial: Trial, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    token = (trial.stage.data_dir / "admin.token").read_text().strip()
    access = {"PVDIFY_URL": trial.stage.url, "PVDIFY_TOKEN": token}
    return subprocess.run(
        (*PVDIFY, "run", "hello", *arguments), check=False, capture_output=True, input=stdin,
        env=os.environ | trial.stage.environment() | access, cwd="/", timeout=120,
    )  # fmt: skip


def test_any_bytes_are_passed_through_unchanged(trial: Trial):
    sent = bytes(range(256)) + f"\r\n1,a {SECRET} day\r".encode() + random.Random(1).randbytes(3_000_000)

    done = run(trial, "--", "cat", stdin=sent)

    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(sent).digest()
    assert done.stderr.decode().strip() == "The output has secrets as they are, in 1 place: API_PW"
    assert done.returncode == 0


def test_much_output_arrives_whole_with_the_commands_exit_code(trial: Trial):
    done = run(trial, "--", "yes 0123456789abcde | head -c 100000000; exit 3")

    assert len(done.stdout) == 100_000_000
    assert done.stdout == b"0123456789abcde\n" * (100_000_000 // 16)
    assert done.returncode == 3


def test_json_output_is_redacted_and_piped_output_is_not(trial: Trial):
    hidden = run(trial, "--json", "--", "echo $API_PW")
    revealed = run(trial, "--json", "--reveal", "--", "echo $API_PW")

    assert b'"stdout": "***\\n"' in hidden.stdout
    assert f'"stdout": "{SECRET}\\n"'.encode() in revealed.stdout
