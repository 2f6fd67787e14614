"""The program as a whole: help, version, typos, faults, exit codes."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pvdify import __version__, errors
from pvdify.cli import app_name, main
from pvdify.cli.command_table import COMMANDS
from pvdify.cli.exit_codes import BY_CODE, BY_KIND, DETACHED, DONE, FAILED, READER_GONE, USAGE, exit_code
from pvdify.cli.io import Io, Surroundings
from pvdify.errors import Kind, PvdifyError
from tests.fakes.api import TOKEN, FakeApi
from tests.unit.cli.conftest import Pvdify, Ran

REPOSITORY = Path(__file__).parents[3]


def in_process(
    *argv: str, url: str, stdout: int = subprocess.PIPE, stdin: int | None = None
) -> "subprocess.Popen[str]":  # fmt: skip
    environ = {"PATH": os.environ["PATH"], "PVDIFY_URL": url, "PVDIFY_TOKEN": TOKEN, "HOME": "/nonexistent"}
    command = (sys.executable, "-c", "import sys; from pvdify.cli.main import main; sys.exit(main())", *argv)
    streams = {"stdin": stdin, "stdout": stdout, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environ, text=True, cwd="/", **streams)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--version"]) == 0
    assert capsys.readouterr().out == f"pvdify {__version__}\n"


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main([name, "--help"]) == 0

    shown = capsys.readouterr().out
    example = shown.partition("Example:\n")[2]
    assert f"pvdify {name} " in shown
    assert f"pvdify {name}" in example
    assert ("--json" in shown) is (name not in ("manifest:schema", "help", "completion"))  # JSON, or text, in any case
    assert "..." not in name + next(line for line in shown.splitlines()[2:] if line)


def test_every_summary_fits_in_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["--help"])

    listed = [line for line in capsys.readouterr().out.splitlines() if line.strip().split(" ")[0] in COMMANDS]
    assert len(listed) == len(COMMANDS)
    assert [line for line in listed if line.endswith("...")] == []


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("deplyo", 'error: no command "deplyo"; did you mean deploy?\n'),
        ("config:sett", 'error: no command "config:sett"; did you mean config:set?\n'),
        ("release", 'error: no command "release"; did you mean releases?\n'),
        ("xyzzy", 'error: no command "xyzzy"\n'),
    ],
)
def test_a_misspelled_command_suggests_the_nearest_one(pvdify: Pvdify, typed: str, message: str) -> None:
    ran = pvdify(typed)

    assert (ran.stdout, ran.stderr.partition("\n")[0] + "\n", ran.code) == ("", message, 2)


def test_a_usage_error_says_where_the_help_is(pvdify: Pvdify) -> None:
    assert pvdify("tokens:create") == Ran(
        stderr="error: missing option '--name'\n  next: pvdify tokens:create --help\n", code=2
    )
    assert pvdify("deploy", "myapp", "extra").stderr.endswith("  next: pvdify deploy --help\n")
    assert pvdify("--wrong").code == 2


def test_every_kind_and_every_special_code_has_an_exit_code() -> None:
    assert set(BY_KIND) == set(Kind)
    codes = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PvdifyError)}
    assert set(BY_CODE) <= codes


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidManifest, 2), (errors.NotSignedIn, 3), (errors.DeniedError, 3), (errors.AppNotFound, 4),
        (errors.AppBusy, 5), (errors.DeploySuperseded, 6), (errors.ProbeFailed, 7), (errors.HookFailed, 8),
        (errors.NotEnoughDisk, 9), (errors.NotEnoughMemory, 9), (errors.OutcomeUnknown, 10),
        (errors.ServerUnreachable, 11), (errors.RegistryUnavailable, 1), (errors.PullFailed, 1),
        (errors.InternalError, 1),
    ],
)  # fmt: skip
def test_exit_codes_are_those_of_the_contract(error: type[PvdifyError], code: int) -> None:
    assert exit_code(error("x")) == code


def test_an_internal_error_is_printed_without_a_traceback(pvdify: Pvdify, monkeypatch: pytest.MonkeyPatch) -> None:
    # An internal error cannot be provoked from outside.
    monkeypatch.setattr(app_name, "resolve", lambda *_: 1 / 0)

    ran = pvdify("ps", "myapp")

    assert ran.stderr.startswith(
        "error: internal\n  this is a fault of the pvdify command itself\n  why:  ZeroDivisionError: division by zero ("
    )
    assert (ran.stdout, ran.code) == ("", 1)


def test_an_interrupted_command_says_what_keeps_running(pvdify: Pvdify, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    # Interrupts between two lines of pvdify, where no key can be pressed in time.
    monkeypatch.setattr(app_name, "resolve", interrupt)

    assert pvdify("ps", "myapp") == Ran(
        stderr="\ninterrupted; requests that the server has accepted continue\n", code=130
    )


def test_an_error_is_coloured_only_where_colour_is_wanted() -> None:
    stderr = io.StringIO()
    streams = Io(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, is_stderr_color=True)

    main.run_program(["xyzzy"], Surroundings(environ={}, folder=Path("/"), stdin=io.StringIO()), streams)

    assert stderr.getvalue().startswith('\x1b[31merror: no command "xyzzy"')


def test_a_real_process_prints_and_exits_the_same(api: FakeApi) -> None:
    api.add_app("myapp")

    with in_process("apps", url=api.url) as running:
        stdout, stderr = running.communicate(timeout=100)

    assert (stdout.splitlines()[1].split()[0], stderr, running.returncode) == ("myapp", "", 0)
    with in_process("apps:info", "other", url=api.url) as running:
        assert running.communicate(timeout=100)[1].startswith("error: app-not-found\n")
    assert running.returncode == 4


@pytest.mark.parametrize(
    ("given", "kept"), [(b"a\r\nb\xc3\xbc\r\n", "a\r\nb\u00fc"), (b"\xff\xfe", None)], ids=["line ends", "no text"]
)
def test_a_value_from_stdin_is_taken_as_it_is_or_refused(api: FakeApi, given: bytes, kept: str | None) -> None:
    """In the C locale, in which Python would take any bytes."""
    api.add_app("myapp")
    reader, writer = os.pipe()
    os.write(writer, given)
    os.close(writer)

    with in_process("config:set", "myapp", "K=-", url=api.url, stdin=reader) as running:
        os.close(reader)
        stderr = running.communicate(timeout=100)[1]

    assert running.returncode == (0 if kept else 2)
    assert kept is not None or "why:  it is not UTF-8 text\n" in stderr
    assert api.config.get("myapp", {}).get("K") == kept


def test_a_closed_stdout_ends_the_command_without_an_error(api: FakeApi) -> None:
    api.add_app("myapp")
    reader, writer = os.pipe()
    os.close(reader)

    with in_process("apps", url=api.url, stdout=writer) as running:
        os.close(writer)
        stderr = running.communicate(timeout=100)[1]

    assert (stderr, running.returncode) == ("", 141)


def test_the_unix_socket_is_asked_without_a_token(tmp_path: Path) -> None:
    with FakeApi(tmp_path / "s.sock") as api:
        pvdify = Pvdify(folder=tmp_path, environ={"HOME": str(tmp_path), "PVDIFY_URL": api.url})

        assert pvdify("apps").code == 0


def test_every_exit_code_is_documented() -> None:
    page = (REPOSITORY / "docs" / "reference" / "exit-codes.md").read_text()
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("|")}

    assert {*rows} >= {str(code) for code in (DONE, FAILED, USAGE, DETACHED, READER_GONE, *BY_KIND.values())}
    assert all(f"`{code}`" in rows[str(number)] for code, number in BY_CODE.items())


def test_the_reference_page_is_fresh() -> None:
    script = REPOSITORY / "tools" / "generate_cli_reference.py"

    ran = subprocess.run((sys.executable, script, "--check"), capture_output=True, text=True, check=False)

    assert (ran.stderr, ran.returncode) == ("", 0)
