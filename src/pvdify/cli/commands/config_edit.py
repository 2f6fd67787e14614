"""``pvdify config:edit``: edit the plain config vars in an editor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import click

from pvdify.cli import dotenv_text
from pvdify.cli.command import app_parameter, command
from pvdify.cli.commands.config_change import report
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.programs import edit
from pvdify.cli.secret_looks import hint
from pvdify.client.api import Client
from pvdify.errors import ConflictError, InvalidConfigFile, PvdifyError
from pvdify.wire.answers import Config


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify config:edit``.

    ``editor``: the command line of the editor, to which the file name is appended.
    """

    app: str
    editor: str
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Open the editor, then make one new config version of the changes. A text that cannot be used is kept."""
    before = client.config(options.app)
    text = _text(options.app, before)
    file = edit(options.editor, text, f"{options.app}.env")
    is_kept = False
    try:
        changes = _changes(before, _read(file))
        if not changes:
            return report(before, options.app, "nothing was changed", io, as_json=options.as_json)
        if client.config(options.app).version != before.version:
            raise ConflictError(
                f"the config of {options.app} was changed by another client meanwhile",
                why="your changes were not saved",
                next=f"`pvdify config:history {options.app}` shows by whom; then `pvdify config:edit {options.app}`",
            )  # fmt: skip
        changed = client.change_config(options.app, changes)
    except PvdifyError:
        is_kept = True
        io.say(f"your text is kept in {file}")
        raise
    finally:
        if not is_kept:
            rmtree(file.parent, ignore_errors=True)
    ended = report(changed, options.app, _words(changes), io, as_json=options.as_json)
    plain = {key: value for key, value in changes.items() if value is not None and not changed.vars[key].secret}
    hint(options.app, plain, io)
    return ended


@command("config:edit", run=run, example="EDITOR=nano pvdify config:edit myapp")
@app_parameter
@click.pass_obj
def config_edit(surroundings: Surroundings, *, app: str, as_json: bool) -> Options:
    """Edit the config vars of APP in $VISUAL or $EDITOR.

    The file has lines of KEY=VALUE: a changed line sets a value, a removed line unsets it. Comments list the names of
    secrets, which stay unchanged. All changes make one new config version, which the next deploy applies.
    """
    environ = surroundings.environ
    return Options(app=app, editor=environ.get("VISUAL") or environ.get("EDITOR") or "vi", as_json=as_json)


def _text(app: str, before: Config) -> str:
    return "\n".join(_lines(app, before)) + "\n"


def _lines(app: str, before: Config) -> Iterator[str]:
    yield f"# Config vars of {app}, v{before.version}. Change, add or remove lines, save, and leave the editor."
    secrets = [key for key, var in before.vars.items() if var.secret]
    if secrets:
        yield f"# Secret, and not touched here: {', '.join(secrets)}"
    plain = {key: var.value or "" for key, var in before.vars.items() if not var.secret}
    if plain:
        yield dotenv_text.write(plain)


def _read(file: Path) -> dict[str, str]:
    try:
        text = file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise InvalidConfigFile("the edited text cannot be read", why=str(error), next="edit it again") from error
    is_empty = not any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())
    return {} if is_empty else dotenv_text.read(text, str(file))


def _changes(before: Config, after: Mapping[str, str]) -> dict[str, str | None]:
    plain = {key: var.value or "" for key, var in before.vars.items() if not var.secret}
    changed: dict[str, str | None] = {key: value for key, value in after.items() if plain.get(key) != value}
    return changed | dict.fromkeys(key for key in plain if key not in after)


def _words(changes: Mapping[str, str | None]) -> str:
    set_keys = [key for key, value in changes.items() if value is not None]
    unset_keys = [key for key, value in changes.items() if value is None]
    parts = [f"{verb} {', '.join(keys)}" for verb, keys in (("set", set_keys), ("unset", unset_keys)) if keys]
    return "; ".join(parts)
