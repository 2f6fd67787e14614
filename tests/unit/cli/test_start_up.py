"""What the command line must not import, so that it starts fast and can be packed into one file."""

import os
import subprocess
import sys
import zipapp
from pathlib import Path

import click
import pytest
import yaml

import pvdify
from tests.fakes.api import TOKEN, FakeApi

HEAVY = ("ssl", "yaml", "http.client", "rich", "pydantic", "starlette", "asyncio", "subprocess", "importlib.metadata")
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
        timeout=30,
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
            "import sys; from pvdify.cli.main import main; assert main(['apps', '--url', sys.argv[1]]) == 0; "
            "print([name for name in ('yaml', 'rich', 'pydantic', 'asyncio', 'subprocess') if name in sys.modules])"
        )

        shown = python(code, api.url, environ={"PVDIFY_TOKEN": TOKEN})

    assert shown.splitlines()[-1] == "[]"


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


def test_one_file_runs_anywhere(tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    for package in (pvdify, click, yaml):
        home = Path(str(package.__file__)).parent
        for source in home.rglob("*.py"):
            place = packed / home.name / source.relative_to(home)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(source.read_bytes())
    (packed / "__main__.py").write_text("import sys\nfrom pvdify.cli.main import main\nsys.exit(main())\n")
    zipapp.create_archive(packed, tmp_path / "pvdify.pyz")
    (tmp_path / "pvdify.yml").write_text("app: myapp\n")

    with FakeApi() as api:
        # -I and -S: neither this checkout nor any installed package can help.
        ran = subprocess.run(
            (sys.executable, "-I", "-S", tmp_path / "pvdify.pyz", "deploy", "--image", "app:v1"),
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PVDIFY_URL": api.url, "PVDIFY_TOKEN": TOKEN},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert (ran.stdout, ran.stderr, ran.returncode) == (
        "v1 is live at https://myapp.pvdify.win\n",
        "Deploying app:v1 to myapp\n",
        0,
    )
