"""More connections than pvdifyd may have, and more streams than a token may have, against a whole server."""

import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pvdify.settings import load
from tests.e2e.trial import PVDIFYD, Trial

SILENT = 1100
STREAMS = 60
FILES = 1024  # the usual soft limit, which all silent connections together exceed


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with Trial() as trial:
        trial.push("v1")
        trial.start(str(shutil.which("prlimit")), f"--nofile={FILES}:", *PVDIFYD)
        trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"))
        yield trial


@contextmanager
def connections(trial: Trial, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as held:
        address = ("127.0.0.1", trial.stage.api_port)
        yield [held.enter_context(socket.create_connection(address, 20)) for _ in range(count)]


def root_sees_status(trial: Trial) -> str:
    settings = load({"data_dir": str(trial.stage.data_dir)}, {}, Path("/nonexistent"))
    argv = ("curl", "--silent", "--max-time", "20", "--output", "/dev/null", "--write-out", "%{http_code}")
    asked = (*argv, "--unix-socket", str(settings.socket_path), "http://pvdify/api/v1/status")
    return subprocess.run(asked, check=False, capture_output=True, text=True).stdout


def test_silent_connections_do_not_block_other_clients(trial: Trial) -> None:
    before = trial.stage.log.read_text().count("\n")

    with connections(trial, SILENT):
        assert trial.ask("GET", "/apps/hello")[0] == 200
        assert root_sees_status(trial) == "200"
        deployed = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), check=False)

    assert deployed.returncode == 0, deployed.stderr
    log = trial.stage.log.read_text()
    assert "Traceback" not in log
    assert log.count("\n") - before < 100  # what the deploy itself wrote, and a line a minute


def test_streams_over_the_limit_of_a_token_do_not_affect_other_clients(trial: Trial) -> None:
    token = (trial.stage.data_dir / "admin.token").read_text().strip()
    request = f"GET /api/v1/apps/hello/logs?follow=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"

    with connections(trial, STREAMS) as held:
        for each in held:
            each.sendall(request.encode())
        answers = Counter(each.recv(12) for each in held)
        deployed = trial.pvdify("deploy", "hello", "--image", trial.stage.image("v1"), check=False)

    assert answers == {b"HTTP/1.1 200": 32, b"HTTP/1.1 429": STREAMS - 32}
    assert deployed.returncode == 0, deployed.stderr


def test_a_hundred_thousand_lines_are_answered_with_little_memory(trial: Trial) -> None:
    (log,) = (trial.stage.data_dir / "logs" / "hello").glob(f"*-web-v{trial.live_slot('hello')}-1.log")
    begun = datetime.now(UTC)
    with log.open("a") as file:
        for number in range(120_000):
            at = (begun + timedelta(microseconds=number)).isoformat()
            file.write(f"{at} stdout F line {number} {'x' * 100}\n")
    before = peak_memory(trial)

    _, text = trial.ask("GET", "/apps/hello/logs?lines=100000")

    assert text.count("\n") == 100_000
    assert peak_memory(trial) - before < 60 * 1024


def peak_memory(trial: Trial) -> int:
    """In KiB, of the largest process of pvdifyd."""
    assert trial.process is not None
    lines = Path(f"/proc/{trial.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
