"""``pvdify config:set`` and ``config:unset``: make a new config version. Values are not printed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings, typed
from pvdify.cli.secret_looks import hint
from pvdify.client.api import Client
from pvdify.errors import InvalidConfigVar
from pvdify.wire.answers import Config


@dataclass(frozen=True, kw_only=True)
class SetOptions:
    """Options of ``pvdify config:set``. ``is_secret``: None keeps each config var secret or plain, as it is."""

    app: str
    values: Mapping[str, str] = field(repr=False)
    is_secret: bool | None
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class UnsetOptions:
    """Options of ``pvdify config:unset``."""

    app: str
    keys: tuple[str, ...]
    as_json: bool


def run_set(options: SetOptions, client: Client, io: Io) -> int:
    """Set the config vars in one new config version."""
    changed = client.change_config(options.app, changes_of(options.values, is_secret=options.is_secret))
    secret = [name for name in options.values if changed.vars[name].secret]
    note = f" (secret: {', '.join(secret)})" if secret else ""
    ended = report(changed, options.app, f"set {', '.join(options.values)}{note}", io, as_json=options.as_json)
    if options.is_secret is None:
        hint(options.app, {key: value for key, value in options.values.items() if key not in secret}, io)
    return ended


def run_unset(options: UnsetOptions, client: Client, io: Io) -> int:
    """Unset the given config vars that exist, in one new config version."""
    now = client.config(options.app)
    keys = [key for key in options.keys if key in now.vars]
    if len(keys) < len(options.keys):
        io.say(f"not set: {', '.join(key for key in options.keys if key not in keys)}")
    if not keys:
        return report(now, options.app, "nothing to unset", io, as_json=options.as_json)
    changed = client.change_config(options.app, dict.fromkeys(keys))
    return report(changed, options.app, f"unset {', '.join(keys)}", io, as_json=options.as_json)


@command(
    "config:set",
    run=run_set,
    example="pvdify config:set myapp LOG_LEVEL=info PORT_TIMEOUT=30\n"
    "pass show db | pvdify config:set myapp --secret DATABASE_URL=-\n"
    "pvdify config:set myapp --secret TLS_KEY=@key.pem",
)
@click.argument("words", metavar="[APP] KEY=VALUE...", nargs=-1, required=True)
@click.option("--secret/--plain", "is_secret", default=None, help="Never show these values again; or show them. "
              "Default: as it was; a new name is plain.")  # fmt: skip
@app_option
@click.pass_obj
def config_set(
    surroundings: Surroundings, *, words: tuple[str, ...], is_secret: bool | None, app: str | None, as_json: bool
) -> SetOptions:
    """Set config vars of APP; the next deploy applies them.

    `pvdify config` does not show secrets, and logs redact them. Other users of the machine can see values on a command
    line, and the shell's history keeps them: pass secrets on stdin or from a file.

    KEY=- reads the value from stdin, without its last line break. KEY=@FILE uses the content of a file unchanged. All
    variables of one command make one new config version.
    """
    argument = words[0] if "=" not in words[0] else None
    assignments = words[1:] if argument else words
    if not assignments or any("=" not in word for word in assignments):
        raise click.UsageError("write KEY=VALUE, KEY=- or KEY=@FILE for each config var")
    name = app_name.resolve(argument, app, surroundings)
    values = dict(_values(assignments, surroundings))
    return SetOptions(app=name, values=values, is_secret=is_secret, as_json=as_json)


@command("config:unset", run=run_unset, example="pvdify config:unset myapp LOG_LEVEL")
@click.argument("words", metavar="[APP] KEY...", nargs=-1, required=True)
@app_option
@click.pass_obj
def config_unset(surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool) -> UnsetOptions:
    """Unset config vars of APP; the next deploy applies it.

    Names that are not set are listed, and are no error.
    Without --app, the first of several words is the app if it is a valid app name.
    """
    has_argument = app is None and len(words) > 1 and app_name.looks_like_one(words[0])
    argument, keys = (words[0], words[1:]) if has_argument else (None, words)
    return UnsetOptions(app=app_name.resolve(argument, app, surroundings), keys=keys, as_json=as_json)


def changes_of(values: Mapping[str, str], *, is_secret: bool | None) -> dict[str, object]:
    """Return the values as the API expects them."""
    if is_secret is None:
        return dict(values)
    return {name: {"value": value, "secret": is_secret} for name, value in values.items()}


def report(changed: Config, app: str, what: str, io: Io, *, as_json: bool) -> int:
    """Print the new config version, and the command that applies it."""
    if as_json:
        io.show_json({"app": app, "version": changed.version, "live_version": changed.live_version})
    else:
        io.show(f"config v{changed.version} of {app}: {what}")
    if changed.version != changed.live_version:
        io.say(f"applied by the next deploy: pvdify deploy {app}")
    return DONE


def _values(assignments: tuple[str, ...], surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    pairs = [word.partition("=")[::2] for word in assignments]
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise click.UsageError("a config var is named twice")
    if sum(value == "-" for _, value in pairs) > 1:
        raise click.UsageError("stdin has one value only: use KEY=- once, and KEY=@FILE for the others")
    for key, value in pairs:
        yield key, _read(key, value, surroundings)


def _read(key: str, value: str, surroundings: Surroundings) -> str:
    if value == "-":
        return typed(surroundings.stdin.read).removesuffix("\n").removesuffix("\r")
    if not value.startswith("@"):
        return value
    try:
        return (surroundings.folder / value[1:]).read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise InvalidConfigVar(
            f"the value of {key} cannot be read from {value[1:]}",
            why="it is not UTF-8 text" if isinstance(error, ValueError) else str(error.strerror),
            next=f"name a file that exists; a value that itself begins with @ goes by stdin: {key}=-",
        ) from error
