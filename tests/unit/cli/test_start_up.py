"""Modules that the command line must not import, so that it starts fast and can be packed into one file."""

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pvdify.cli import main
from pvdify.cli.command_names import COMMANDS
from pvdify.cli.io import Surroundings
from tests.fakes.api import TOKEN, FakeApi

REPOSITORY = Path(__file__).parents[3]
HEAVY = (
    "click", "pvdify.errors", "ssl", "yaml", "http.client", "rich", "pydantic", "starlette", "asyncio", "subprocess",
    "importlib.metadata",
)  # fmt: skip
NOT_FOR_APPS = (
    "click", "http.client", "email", "ssl", "shutil", "encodings.idna", "yaml", "rich", "pydantic", "asyncio",
    "subprocess", "pvdify.wire.requests.apps", "pvdify.wire.answers.releases", "pvdify.client.calls.releases",
)  # fmt: skip
# Refuses every extension module that is not part of Python itself.
REFUSE_COMPILED = """
import importlib.machinery, sys, sysconfig
home = sysconfig.get_path("stdlib")
class Refuse(importlib.machinery.ExtensionFileLoader):
    def __init__(self, name, path):
        if not path.startswith(home) or "site-packages" in path:
            raise ImportError(f"compiled: {path}")
        super().__init__(name, path)
hook = importlib.machinery.FileFinder.path_hook(
    (Refuse, importlib.machinery.EXTENSION_SUFFIXES),
    (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
)
sys.path_hooks.insert(1, hook)
sys.path_importer_cache.clear()
"""


def python(code: str, *argv: str, environ: dict[str, str] | None = None, folder: Path = Path("/")) -> str:
    return subprocess.run(
        (sys.executable, "-c", code, *argv),
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | (environ or {}),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    ).stdout


def test_the_version_imports_nothing_heavy() -> None:
    code = (
        "import sys; from pvdify.cli.main import main; assert main(['--version']) == 0; "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )

    assert python(code).splitlines()[-1] == "[]"


def test_asking_for_apps_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    with FakeApi() as api:
        code = (
            "import sys; from pvdify.cli.main import main; assert main(['apps']) == 0; "
            f"print([name for name in {NOT_FOR_APPS!r} if name in sys.modules])"
        )

        shown = python(code, environ={"PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN})

    assert shown.splitlines()[-1] == "[]"


def test_the_fast_path_parses_like_the_full_parser(tmp_path: Path) -> None:
    surroundings = Surroundings(environ={}, folder=tmp_path, stdin=io.StringIO())
    plain = {name: it for name in COMMANDS for it in [main._parse_plain([name])] if it is not None}

    assert {"apps", "status", "whoami", "tokens"} <= plain.keys()
    for name in plain:
        for more in ([], ["--json"]):
            by_click = main._parse_by_click([name, *more], surroundings, None, "pvdify")
            assert main._parse_plain([name, *more]) == by_click


def test_the_version_ends_without_an_error_if_stdout_is_closed() -> None:
    ran = subprocess.run(
        (sys.executable, "-c", "import sys; from pvdify.cli.main import main; sys.exit(main(['--version']))"),
        stdout=os.open("/dev/full", os.O_WRONLY), stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr.splitlines()[0]) == (1, "error: internal")


@pytest.mark.parametrize("argv", [("apps",), ("deploy", "--image", "app:v1"), ("config", "myapp")])
def test_no_compiled_package_is_needed(tmp_path: Path, argv: tuple[str, ...]) -> None:
    (tmp_path / "pvdify.yml").write_text("app: myapp\n")
    with FakeApi() as api:
        api.add_release("myapp")
        code = (
            f"{REFUSE_COMPILED}\nfrom pvdify.cli.main import main\ncode = main(sys.argv[1:])\n"
            "print([name for name in sys.modules if name in ('_yaml', 'yaml._yaml', 'pydantic_core')], code)"
        )

        shown = python(code, *argv, environ={"PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN}, folder=tmp_path)

    assert shown.splitlines()[-1] == "[] 0"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command line in one file, as the extension has it."""
    file = tmp_path_factory.mktemp("packed") / "pvdify.pyz"
    subprocess.run((sys.executable, "tools/pack.py", file), cwd=REPOSITORY, check=True, capture_output=True)
    return file


def interpreter(minor: int) -> str:
    """Return a Python 3 of this minor version; skip the test if none is installed."""
    places = [path for path in [shutil.which(f"python3.{minor}")] if path]
    places += map(str, (Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python"))
    for place in places:
        if subprocess.run((place, "-c", ""), capture_output=True, check=False).returncode == 0:
            return place
    pytest.skip(f"no Python 3.{minor} here")


def test_every_command_of_the_packed_file_can_be_loaded_without_installed_packages(packed: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\nfrom pvdify.cli.command_names import COMMANDS, HIDDEN, load\n"
        "for name in (*COMMANDS, *HIDDEN): load(name)\n"
        "from pvdify.cli import dotenv_text; print(dotenv_text.read('A=1', 'x'))"
    )
    ran = subprocess.run(
        (sys.executable, "-I", "-S", "-c", code, packed), capture_output=True, text=True, check=False, timeout=100
    )

    assert (ran.stdout, ran.stderr) == ("{'A': '1'}\n", "")


@pytest.mark.parametrize("argv", [("--help",), ("help",), ("ps:scale", "--help"), ("services:create", "--help")])
def test_the_packed_file_shows_its_help_without_installed_packages(packed: Path, argv: tuple[str, ...]) -> None:
    ran = subprocess.run(
        (sys.executable, "-I", "-S", packed, *argv), capture_output=True, text=True, check=False, timeout=100
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Usage" in ran.stdout or "pvdify" in ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("minor", range(10, 15))
def test_the_packed_file_runs_on_each_installed_python(packed: Path, tmp_path: Path, minor: int) -> None:
    (tmp_path / "pvdify.yml").write_text("app: myapp\n")
    with FakeApi() as api:
        # -I and -S: neither this checkout nor any installed package can help.
        ran = subprocess.run(
            (interpreter(minor), "-I", "-S", packed, "deploy", "--image", "app:v1"),
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    assert (ran.stdout, ran.stderr, ran.returncode) == (
        "v1 is live at https://myapp.pvdify.win\n",
        "Deploying app:v1 to myapp\n",
        0,
    )


@pytest.mark.parametrize("minor", range(6, 10))
def test_an_older_python_gets_a_message_that_says_what_is_missing(packed: Path, minor: int) -> None:
    ran = subprocess.run((interpreter(minor), packed, "deploy"), capture_output=True, text=True, check=False)

    assert ran.stderr == (
        f"error: extension-broken\n  gh pvdify cannot start\n  why:  this is Python 3.{minor}\n"
        "  next: install Python 3.10 or newer as python3\n"
    )
    assert ran.returncode == 1
