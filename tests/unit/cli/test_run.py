"""``pvdify run``."""

import io
import json
import os
from pathlib import Path

import pytest

from pvdify.cli.io import Io, Surroundings
from pvdify.cli.main import run_program
from tests.fakes.api import TOKEN, FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def run_with(api: FakeApi, folder: Path, *argv: str, stdin: bytes = b"") -> Ran:
    """Run a command line with streams that have bytes and a file descriptor, as real ones have."""
    reading, writing = os.pipe()
    os.write(writing, stdin)
    os.close(writing)
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    environ = {"HOME": str(folder), "PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN}
    with os.fdopen(reading, encoding="utf-8") as typed:
        streams = Io(stdin=typed, stdout=stdout, stderr=stderr)
        surroundings = Surroundings(environ=environ, folder=folder, stdin=typed)
        code = run_program(argv, surroundings, streams)
    texts = [stream.buffer.getvalue().decode() for stream in (stdout, stderr)]  # type: ignore[attr-defined]
    return Ran(stdout=texts[0], stderr=texts[1], code=code)


@pytest.fixture
def myapp(api: FakeApi) -> FakeApi:
    api.add_release("myapp")
    return api


def test_output_and_exit_code_are_the_commands_own(myapp: FakeApi, tmp_path: Path) -> None:
    myapp.run_events = [("stdout", b"hello\n"), ("stderr", b"oh\n")]
    myapp.run_exit_code = 42

    ran = run_with(myapp, tmp_path, "run", "myapp", "--", "npm", "run", "migrate", "--force")

    assert ran == Ran(stdout="hello\n", stderr="oh\n", code=42)
    started = next(asked for asked in myapp.asked if asked.path.endswith("/run"))
    assert started.body == {"command": ["npm", "run", "migrate", "--force"], "raw": ["stdout", "stderr"]}
    assert [asked.path for asked in myapp.asked if asked.method == "DELETE"] == [f"{started.path}/run.4711"]


def test_a_single_argument_is_run_by_the_shell(myapp: FakeApi, tmp_path: Path) -> None:
    run_with(myapp, tmp_path, "run", "--app", "myapp", "--", "echo $HOME | wc -c")

    assert next(asked for asked in myapp.asked if asked.path.endswith("/run")).body["command"] == "echo $HOME | wc -c"


def test_piped_input_reaches_the_command(myapp: FakeApi, tmp_path: Path) -> None:
    myapp.run_reads_to_end = True

    run_with(myapp, tmp_path, "run", "myapp", "--", "cat", stdin=b"typed\n")

    assert myapp.run_input == b"typed\n"


def test_json_has_output_and_exit_code_in_one_object(myapp: FakeApi, tmp_path: Path) -> None:
    myapp.run_events = [("stdout", b"1"), ("stderr", b"2"), ("stdout", b"3")]

    ran = run_with(myapp, tmp_path, "run", "myapp", "--json", "--", "ls")

    assert json.loads(ran.stdout) == {
        "app": "myapp", "id": "run.4711", "exit_code": 0, "stdout": "13", "stderr": "2",
    }  # fmt: skip


def test_a_command_ended_by_the_server_has_an_unknown_outcome(myapp: FakeApi, tmp_path: Path) -> None:
    myapp.run_is_lost = True

    ran = run_with(myapp, tmp_path, "run", "myapp", "--", "ls")

    assert ran.code == 10
    assert "the connection to run.4711 was lost, and so it was ended" in ran.stderr


def test_the_dashes_need_a_command_and_take_one_app(pvdify: Pvdify, myapp: FakeApi) -> None:
    assert pvdify("run", "myapp", "--") == Ran(
        stderr="error: the command is missing\n  next: pvdify run myapp -- COMMAND\n", code=2
    )
    assert pvdify("run", "myapp", "x", "--", "ls", "a b") == Ran(
        stderr="error: only the app stands before --\n  next: pvdify run myapp -- ls 'a b'\n", code=2
    )


def test_output_to_a_pipe_is_unchanged_and_secrets_in_it_are_reported(myapp: FakeApi, tmp_path: Path) -> None:
    myapp.run_events = [("stdout", b"id,title\r\n1,a blue-sky day\n")]
    myapp.run_secrets = ["API_PW"]

    ran = run_with(myapp, tmp_path, "run", "myapp", "--", "dump")

    assert ran.stdout == "id,title\r\n1,a blue-sky day\n"
    assert ran.stderr == "The output has secrets as they are, in 1 place: API_PW\n"
    assert ran.code == 0


def test_json_asks_for_secrets_only_with_reveal(myapp: FakeApi, tmp_path: Path) -> None:
    run_with(myapp, tmp_path, "run", "myapp", "--json", "--", "ls")
    run_with(myapp, tmp_path, "run", "myapp", "--json", "--reveal", "--", "ls")

    hidden, revealed = [asked.body for asked in myapp.asked if asked.path.endswith("/run")]
    assert "raw" not in hidden
    assert revealed["raw"] == ["stdout", "stderr"]
