import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pvdify.cli.command import AnyInvocation
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.main import parse, run_program
from tests.fakes.api import TOKEN, FakeApi


@dataclass(frozen=True)
class Ran:
    """The result of a command line: output, messages and exit code."""

    stdout: str = ""
    stderr: str = ""
    code: int = 0


@dataclass
class Pvdify:
    """Run command lines in this process, each in its own folder and environment."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    is_terminal: bool = False

    def __call__(self, *argv: str, stdin: str = "", secret: str = "") -> Ran:
        stdout, stderr = io.StringIO(), io.StringIO()
        streams = Io(
            stdin=io.StringIO(stdin),
            stdout=stdout,
            stderr=stderr,
            is_stdin_terminal=self.is_terminal,
            is_in_workflow=self.environ.get("GITHUB_ACTIONS") == "true",
            ask_secret=lambda prompt: (stderr.write(prompt + "\n"), secret)[1],
        )
        code = run_program(argv, self._surroundings(stdin), streams)
        return Ran(stdout=stdout.getvalue(), stderr=stderr.getvalue(), code=code)

    def parse(self, *argv: str, stdin: str = "") -> AnyInvocation:
        parsed = parse(argv, self._surroundings(stdin))
        assert isinstance(parsed, AnyInvocation)
        return parsed

    def _surroundings(self, stdin: str) -> Surroundings:
        return Surroundings(environ=self.environ, folder=self.folder, stdin=io.StringIO(stdin))


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables have room for every column; what they do without it is tested in test_tables."""
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def pvdify(api: FakeApi, tmp_path: Path) -> Pvdify:
    environ = {"HOME": str(tmp_path / "home"), "PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN}
    folder = tmp_path / "work"
    folder.mkdir()
    return Pvdify(folder=folder, environ=environ)
