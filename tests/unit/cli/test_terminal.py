"""A real process at a pseudo-terminal: the live display, colour, Ctrl-C, and typing a secret."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pvdify.client.saved_login import load
from tests.fakes.api import TOKEN, FakeApi

PULL = "  pull          sha256:9f2c…  41 MB                            1.8s"
SECONDS = 100.0


class Terminal:
    """The screen and keyboard of a process at a pseudo-terminal."""

    def __init__(self, process: "subprocess.Popen[bytes]", descriptor: int) -> None:
        self.process = process
        self.written = ""
        self._descriptor = descriptor

    def wait_for(self, pattern: str) -> None:
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.written):
            assert time.monotonic() < deadline, self.written
            self._read()

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def exit_code(self) -> int:
        while self._read():
            pass
        return self.process.wait(SECONDS)

    def screen(self) -> list[str]:
        """Return the lines that are visible at the end, without colours."""
        lines = self.written.replace("\r\n", "\n").split("\n")
        return [re.sub(r"\x1b\[[0-9;]*m", "", line.rpartition("\x1b[2K")[2]) for line in lines]

    def _read(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], SECONDS)
        assert ready, self.written
        try:
            chunk = os.read(self._descriptor, 65536)
        except OSError:  # a terminal whose last process has gone
            return False
        self.written += chunk.decode()
        return bool(chunk)


# A session leader that opens a terminal gets it as its own, with Ctrl-C and all.
CODE = """
import os, sys
os.close(os.open(os.ttyname(0), os.O_RDWR))
from pvdify.cli.main import main
sys.exit(main())
"""


@contextmanager
def terminal(api: FakeApi, *argv: str, **environ: str) -> Iterator[Terminal]:
    ours, theirs = pty.openpty()
    surroundings = {
        "PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", "PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN,
        "HOME": "/nonexistent",
    }  # fmt: skip
    process = subprocess.Popen(
        (sys.executable, "-c", CODE, *argv),
        stdin=theirs, stdout=theirs, stderr=theirs, env=surroundings | environ, cwd="/", start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        os.close(ours)
        process.kill()
        process.wait()


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        running.script.events = [("step", "pull"), ("", PULL), ("step", "health")]
        running.script.outcome = {
            "status": "active", "receipt": {"requests": None, "steps": {}, "seconds": 6.2}
        }  # fmt: skip
        running.script.hold = threading.Event()
        running.add_release("myapp", image="app:v1")
        yield running


def test_a_deploy_counts_its_running_step_and_ends_on_the_last_line(api: FakeApi) -> None:
    with terminal(api, "deploy", "myapp", "--image", "app:v2") as shown:
        shown.wait_for("  health        …")
        shown.wait_for(r"health .*[1-9]s")  # a slow machine may skip any of its tenths of a second
        assert api.script.hold is not None
        api.script.hold.set()

        assert shown.exit_code() == 0

    assert shown.screen() == [
        "Deploying app:v2 to myapp",
        PULL,
        "v2 is live at https://myapp.pvdify.win  (6.2s)   undo: pvdify rollback myapp",
        "",
    ]
    assert "\x1b[32mv2 is live" in shown.written


def test_no_color_keeps_the_text(api: FakeApi) -> None:
    api.script.hold = None
    with terminal(api, "deploy", "myapp", NO_COLOR="1") as shown:
        assert shown.exit_code() == 0

    assert re.search(r"\x1b\[[0-9]+m", shown.written) is None


def test_a_dumb_terminal_gets_plain_lines(api: FakeApi) -> None:
    api.script.hold = None
    with terminal(api, "deploy", "myapp", TERM="dumb") as shown:
        assert shown.exit_code() == 0

    assert "\x1b" not in shown.written


def test_ctrl_c_detaches_and_prints_how_to_attach_again(api: FakeApi) -> None:
    with terminal(api, "deploy", "myapp", "--image", "app:v2") as shown:
        shown.wait_for("  health        …")
        shown.type("\x03")

        assert shown.exit_code() == 130

    assert shown.screen() == [
        "Deploying app:v2 to myapp",
        PULL,
        "Detached; the deploy of v2 continues.",
        "  attach: pvdify deploy:attach myapp --release 2",
        "  cancel: pvdify deploy:cancel myapp --release 2",
        "",
    ]
    assert api.releases["myapp"][1]["status"] == "pending"
    assert all("cancel" not in asked.path for asked in api.asked)


def test_ctrl_c_ends_followed_logs(api: FakeApi) -> None:
    api.add_log_line("hello")
    with terminal(api, "logs", "myapp", "-f") as shown:
        shown.wait_for("hello")
        shown.process.send_signal(signal.SIGINT)

        assert shown.exit_code() == 130

    assert shown.screen() == ["2026-11-23T11:31:00.000Z web.1 v1 | hello", ""]


def test_a_typed_token_is_not_shown(api: FakeApi, tmp_path: Path) -> None:
    with terminal(api, "login", HOME=str(tmp_path), PVDIFY_TOKEN="") as shown:
        shown.wait_for(r"\(not shown\): ")
        shown.type(f"{TOKEN}\n")

        assert shown.exit_code() == 0

    assert TOKEN not in shown.written
    assert load(tmp_path / ".config" / "pvdify" / "login.json").tokens == {api.url: TOKEN}
