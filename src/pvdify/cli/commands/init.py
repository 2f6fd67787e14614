"""``pvdify init``: write a first manifest."""

from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli import app_name, manifest_file
from pvdify.cli.command import app_option, local_command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.errors import InvalidError, ManifestExists


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify init``.

    ``app``: None if the name is unknown; ``schema``: the file for the JSON Schema, if any.
    """

    folder: Path
    app: str | None
    schema: str | None
    is_overwriting: bool
    as_json: bool


def run(options: Options, io: Io) -> int:
    """Write the manifest. Raises ManifestExists, InvalidManifest (it cannot be written), PackedWithout."""
    with manifest_file.needing_the_definition():
        from pvdify.manifest.example import example
        from pvdify.manifest.schema import schema_text
    path = options.folder / manifest_file.NAME
    if path.exists() and not options.is_overwriting:
        raise ManifestExists(
            f"there is a {manifest_file.NAME} here already, and it was left as it is",
            next="`pvdify manifest:check` checks it; `pvdify init --force` writes a new one over it",
        )
    if options.schema is not None:
        manifest_file.write(options.folder / options.schema, schema_text())
    manifest_file.write(path, example(options.app, _from_manifest(options.schema)))
    if options.as_json:
        io.show_json({"file": manifest_file.NAME, "app": options.app, "schema": options.schema})
    else:
        io.show(f"{manifest_file.NAME} is written" + (f", and {options.schema}" if options.schema else ""))
    io.say(f"next: pvdify deploy {options.app or 'APP'} --image REF")
    return DONE


@local_command("init", run=run, example="pvdify init myapp\npvdify init --schema .vscode/pvdify.schema.json")
@click.argument("argument", metavar="[APP]", required=False)
@app_option
@click.option("--schema", metavar="FILE", help="Write the JSON Schema there, too, and name the file in the manifest.")
@click.option("--force", is_flag=True, help="Overwrite an existing manifest.")
@click.pass_obj
def init(
    surroundings: Surroundings, *, argument: str | None, app: str | None, schema: str | None, force: bool, as_json: bool
) -> Options:
    """Write a first pvdify.yml.

    The file explains every key; most keys are commented out. The command needs no server. A deploy needs no manifest:
    write one to add processes, limits, hooks, volumes, jobs or hostnames.
    """
    name = _name(surroundings, argument, app)
    return Options(folder=surroundings.folder, app=name, schema=schema, is_overwriting=force, as_json=as_json)


def _name(surroundings: Surroundings, argument: str | None, app: str | None) -> str | None:
    if argument or app:
        return app_name.resolve(argument, app, surroundings)
    try:
        return app_name.resolve(None, None, surroundings)
    except InvalidError:
        return None


def _from_manifest(schema: str | None) -> str | None:
    """Return the path of the schema relative to the manifest, as editors resolve it."""
    return schema if schema is None or schema.startswith("/") else f"./{schema.removeprefix('./')}"
