"""``pvdify config:export`` and ``config:import``: config vars as a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import click

from pvdify.cli import app_name, dotenv_text
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.commands.config_change import changes_of, report
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings, typed
from pvdify.cli.secret_looks import hint
from pvdify.client.api import Client
from pvdify.errors import InvalidConfigFile
from pvdify.wire.answers import Config, ConfigFile
from pvdify.wire.requests import ImportConfig

_SUFFIXES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".env": "dotenv"}
_SOPS_MARKS = ("sops:", '"sops"', "sops_version=", "sops_mac=")


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """Options of ``pvdify config:export``. ``is_sops``: print the encrypted file instead of the plain values."""

    app: str
    is_sops: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """Options of ``pvdify config:import``: either a SOPS file, or the values of an env file."""

    app: str
    sops: ImportConfig | None = field(default=None, repr=False)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_secret: bool
    as_json: bool


def run_export(options: ExportOptions, client: Client, io: Io) -> int:
    """Print the file."""
    if options.is_sops:
        file = client.config_file(options.app)
        _show_file(options, file, io)
        io.say(f"config v{file.version}, encrypted; edit it with sops, then: pvdify config:import {options.app} FILE")
        return DONE
    found = client.config(options.app)
    plain = {key: var.value or "" for key, var in found.vars.items() if not var.secret}
    if options.as_json:
        io.show_json({"app": options.app, "version": found.version, "vars": plain})
    elif plain:
        io.show_value(dotenv_text.write(plain))
    if left_out := [key for key, var in found.vars.items() if var.secret]:
        io.say(f"left out, as they are secret: {', '.join(left_out)}")
    return DONE


def run_import(options: ImportOptions, client: Client, io: Io) -> int:
    """Make a new config version from the file."""
    if options.sops is None:
        changed = client.change_config(options.app, changes_of(options.values, is_secret=options.is_secret or None))
        ended = report(changed, options.app, f"set {', '.join(options.values)}", io, as_json=options.as_json)
        hint(options.app, {key: it for key, it in options.values.items() if not changed.vars[key].secret}, io)
        return ended
    done = client.import_config(options.app, options.sops)
    if not done.set and not done.unset:
        io.say(f"nothing was changed: config v{done.version} of {options.app} says the same")
        if options.as_json:
            io.show_json({"app": options.app, "version": done.version, "live_version": done.live_version})
        return DONE
    parts = [f"{verb} {', '.join(names)}" for verb, names in (("set", done.set), ("unset", done.unset)) if names]
    shown = Config(version=done.version, live_version=done.live_version, vars={})
    return report(shown, options.app, "; ".join(parts), io, as_json=options.as_json)


@command(
    "config:export",
    run=run_export,
    example="pvdify config:export myapp > .env\npvdify config:export myapp --sops > myapp.sops.yaml",
)
@app_parameter
@click.option("--sops", "is_sops", is_flag=True, help="The whole config as an encrypted SOPS file; for admins.")
def config_export(*, app: str, is_sops: bool, as_json: bool) -> ExportOptions:
    """Print the config of APP as a file, without secrets.

    With --sops, prints the encrypted SOPS file of the server, secrets included; one of its keys can decrypt it.
    """
    return ExportOptions(app=app, is_sops=is_sops, as_json=as_json)


@command(
    "config:import",
    run=run_import,
    example="pvdify config:import myapp .env\npvdify config:import myapp myapp.sops.yaml",
)
@click.argument("words", metavar="[APP] FILE", nargs=-1, required=True)
@click.option("--secret", "is_secret", is_flag=True, help="Set all values of an env file as secrets.")
@click.option("--plain", metavar="KEY", multiple=True, help="Set this value of a SOPS file as plain; repeatable.")
@click.option("--format", "kind", type=click.Choice(["yaml", "json", "dotenv"]), help="Default: by the file's name.")
@app_option
@click.pass_obj
def config_import(
    surroundings: Surroundings, *, words: tuple[str, ...], is_secret: bool, plain: tuple[str, ...], kind: str | None,
    app: str | None, as_json: bool,
) -> ImportOptions:  # fmt: skip
    """Set the config vars of APP from a file.

    FILE - is stdin; the next deploy applies the change. An env file (KEY=VALUE lines) sets its variables and keeps all
    others. A SOPS file that the server can decrypt replaces the whole config: variables that are not in it are unset.
    Its encrypted values become secrets, unless they are plain in APP already. Only admins can import SOPS files.
    """
    if len(words) > 2:
        raise click.UsageError("one app and one file, please")
    argument = words[0] if len(words) == 2 else None
    name, file = app_name.resolve(argument, app, surroundings), words[-1]
    text = _read(file, surroundings)
    kind = kind or _kind_of(file)
    if any(line.strip().startswith(_SOPS_MARKS) for line in text.splitlines()):
        if is_secret:
            raise click.UsageError("--secret is for env files; in a SOPS file, what is encrypted is secret")
        named = cast("Literal['yaml', 'json', 'dotenv']", kind)
        sops = ImportConfig(content=text, format=named, plain=list(plain))
        return ImportOptions(app=name, sops=sops, is_secret=False, as_json=as_json)
    if kind != "dotenv" or plain:
        raise click.UsageError(f"{file} is no SOPS file; in clear, only env files (KEY=VALUE lines) can be imported")
    return ImportOptions(app=name, values=dotenv_text.read(text, file), is_secret=is_secret, as_json=as_json)


def _show_file(options: ExportOptions, file: ConfigFile, io: Io) -> None:
    if options.as_json:
        io.show_json({"app": options.app, "version": file.version, "content": file.content})
    else:
        io.show(file.content.rstrip("\n"))


def _kind_of(file: str) -> str:
    path = Path(file)
    return "dotenv" if file == "-" or path.name.startswith(".env") else _SUFFIXES.get(path.suffix, "yaml")


def _read(file: str, surroundings: Surroundings) -> str:
    try:
        if file == "-":
            return typed(surroundings.stdin.read).replace("\r\n", "\n")
        return (surroundings.folder / file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidConfigFile(
            f"{file} cannot be read", why="it is not UTF-8 text" if isinstance(error, ValueError) else
            str(error.strerror), next="name a file that exists",
        ) from error  # fmt: skip
