"""``pvdify manifest:check`` and ``manifest:schema``: check manifests and print their schema, without a server."""

from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli import manifest_file
from pvdify.cli.command import local_command
from pvdify.cli.exit_codes import DONE, USAGE
from pvdify.cli.io import Io, Surroundings
from pvdify.errors import InvalidManifest


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """Options of ``pvdify manifest:check``. ``name``: the path as the user typed it."""

    path: Path
    name: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class SchemaOptions:
    """Options of ``pvdify manifest:schema``; there are none."""


def run_check(options: CheckOptions, io: Io) -> int:
    """Print every problem, as the server would report it. Raises InvalidManifest, PackedWithout."""
    text = manifest_file.read(options.path)
    with manifest_file.needing_the_definition():
        from pvdify.manifest import reading
    problems = reading.find_problems(text)
    if options.as_json:
        listed = [{"line": it.line, "path": it.path, "text": it.text} for it in problems]
        io.show_json({"file": options.name, "is_valid": not problems, "problems": listed})
        return USAGE if problems else DONE
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise InvalidManifest(
            f"{options.name} has {count}",
            next="correct it; `pvdify init` in an empty folder writes an example with every key there is",
            details={"problems": [str(problem) for problem in problems]},
        )
    counts = {name: process.count for name, process in reading.parse_manifest(text).processes.items()}
    io.show(f"{options.name} is valid: {_summary(counts)}", style="good")
    return DONE


def run_schema(_options: SchemaOptions, io: Io) -> int:
    """Print the schema. Raises PackedWithout."""
    with manifest_file.needing_the_definition():
        from pvdify.manifest import schema
    io.show(schema.schema_text().rstrip())
    return DONE


@local_command("manifest:check", run=run_check, example="pvdify manifest:check\npvdify manifest:check other.yml --json")
@click.argument("file", metavar="[FILE]", required=False)
@click.pass_obj
def manifest_check(surroundings: Surroundings, *, file: str | None, as_json: bool) -> CheckOptions:
    """Check a manifest without a server.

    Lists all problems at once, with the line, what was expected and the nearest valid key. Default: ./pvdify.yml.
    """
    name = file or manifest_file.NAME
    return CheckOptions(path=surroundings.folder / name, name=name, as_json=as_json)


@local_command("manifest:schema", run=run_schema, example="pvdify manifest:schema > pvdify.schema.json", has_json=False)
def manifest_schema() -> SchemaOptions:
    """Print the JSON Schema of a manifest, for editors.

    `pvdify init --schema FILE` writes it to a file that the new manifest names.
    """
    return SchemaOptions()


def _summary(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} × {count}" for name, count in counts.items()) or "no processes"
