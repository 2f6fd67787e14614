"""``pvdify init``, ``manifest:check`` and ``manifest:schema``: no server is asked."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from tests.unit.cli.conftest import Pvdify, Ran

WRONG = "prot: 1\nprocesses:\n  web:\n    count: many\n"


@pytest.fixture
def pvdify(tmp_path: Path) -> Pvdify:
    return Pvdify(folder=tmp_path, environ={"HOME": str(tmp_path)})


def test_a_manifest_is_written_that_the_check_finds_valid(pvdify: Pvdify) -> None:
    assert pvdify("init", "shop") == Ran(
        stdout="pvdify.yml is written\n", stderr="next: pvdify deploy shop --image REF\n"
    )
    assert "\napp: shop\n" in (pvdify.folder / "pvdify.yml").read_text()
    assert pvdify("manifest:check") == Ran(stdout="pvdify.yml is valid: web × 1\n")


def test_the_app_name_is_omitted_if_nothing_determines_it(pvdify: Pvdify) -> None:
    ran = pvdify("init", "--json")

    assert json.loads(ran.stdout) == {"file": "pvdify.yml", "app": None, "schema": None}
    assert "\n#app: myapp\n" in (pvdify.folder / "pvdify.yml").read_text()


def test_an_existing_manifest_is_not_overwritten(pvdify: Pvdify) -> None:
    (pvdify.folder / "pvdify.yml").write_text("app: mine\n")

    refused = pvdify("init", "shop")

    assert (refused.code, refused.stdout) == (5, "")
    assert refused.stderr.startswith("error: manifest-exists\n")
    assert (pvdify.folder / "pvdify.yml").read_text() == "app: mine\n"
    assert pvdify("init", "shop", "--force").code == 0
    assert "app: shop" in (pvdify.folder / "pvdify.yml").read_text()


def test_a_schema_is_written_where_the_manifest_says_it_is(pvdify: Pvdify) -> None:
    ran = pvdify("init", "shop", "--schema", "pvdify.schema.json")

    assert ran.stdout == "pvdify.yml is written, and pvdify.schema.json\n"
    first = (pvdify.folder / "pvdify.yml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=./pvdify.schema.json"
    jsonschema.Draft7Validator.check_schema(json.loads((pvdify.folder / "pvdify.schema.json").read_text()))
    assert pvdify("manifest:schema").stdout == (pvdify.folder / "pvdify.schema.json").read_text()


def test_an_unwritable_directory_is_reported(pvdify: Pvdify) -> None:
    ran = pvdify("init", "shop", "--schema", "/dev/null/folder.json")

    assert (ran.code, "cannot be written" in ran.stderr) == (2, True)
    assert not (pvdify.folder / "pvdify.yml").exists()


def test_every_problem_is_reported_at_once_as_the_server_would(pvdify: Pvdify) -> None:
    (pvdify.folder / "other.yml").write_text(WRONG)

    assert pvdify("manifest:check", "other.yml") == Ran(
        stderr="error: invalid-manifest\n  other.yml has 2 problems\n"
        '  - line 1: prot: unknown key; did you mean "port"?\n'
        '  - line 4: processes.web.count: expected a whole number, got "many"\n'
        "  next: correct it; `pvdify init` in an empty folder writes an example with every key there is\n",
        code=2,
    )
    ran = pvdify("manifest:check", "other.yml", "--json")
    assert (ran.code, ran.stderr) == (2, "")
    assert json.loads(ran.stdout) == {
        "file": "other.yml",
        "is_valid": False,
        "problems": [
            {"line": 1, "path": "prot", "text": 'unknown key; did you mean "port"?'},
            {"line": 4, "path": "processes.web.count", "text": 'expected a whole number, got "many"'},
        ],
    }


def test_a_missing_manifest_is_reported(pvdify: Pvdify) -> None:
    ran = pvdify("manifest:check")

    assert (ran.code, "pvdify.yml cannot be read" in ran.stderr) == (2, True)


@pytest.mark.parametrize("command", ["init", "manifest:check", "manifest:schema"])
def test_a_packed_copy_says_what_to_install(tmp_path: Path, command: str) -> None:
    (tmp_path / "pvdify.yml").write_text("app: shop\n")
    code = "import sys; sys.modules['pydantic'] = None; from pvdify.cli.main import main; sys.exit(main(sys.argv[1:]))"

    ran = subprocess.run(
        (sys.executable, "-c", code, command), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith("error: packed-without\n")
    assert "pip install pvdify" in ran.stderr


@pytest.mark.parametrize("text", ["app: 2026-99-99", "app: shop\nx: " + "[" * 20_000])
def test_a_manifest_with_an_impossible_value_is_reported_where_the_apps_name_is_needed(
    pvdify: Pvdify, text: str
) -> None:
    (pvdify.folder / "pvdify.yml").write_text(text)

    ran = pvdify("ps")

    assert ran.code != 0
    assert ran.stderr.splitlines()[1].strip() == "pvdify.yml is not YAML"
