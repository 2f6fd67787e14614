"""``pvdify config``, ``config:get`` and ``config:history``: show config vars."""

from collections.abc import Sequence
from dataclasses import dataclass

import click

from pvdify.cli import app_name, output
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.cli.moments import moment
from pvdify.cli.words import exists, split
from pvdify.client.api import Client
from pvdify.errors import ConfigVarNotFound, DeniedError
from pvdify.wire.answers import Config, ConfigVar, ConfigVersion


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify config`` and ``config:history``. ``is_shell``: print lines that a shell can read."""

    app: str
    as_json: bool
    is_shell: bool = False


@dataclass(frozen=True, kw_only=True)
class GetOptions:
    """Options of ``pvdify config:get``."""

    app: str
    key: str
    is_revealed: bool
    as_json: bool


def run_list(options: Options, client: Client, io: Io) -> int:
    """Show all config vars; secrets by name only."""
    found = client.config(options.app)
    if options.as_json:
        variables = {key: var_json(var) for key, var in found.vars.items()}
        io.show_json({"version": found.version, "live_version": found.live_version, "vars": variables})
        return DONE
    if options.is_shell:
        _show_for_shell(found, io)
    elif found.vars:
        io.show(output.table(("KEY", "VALUE"), ((key, _shown(var)) for key, var in found.vars.items())))
    else:
        io.say(f"no config vars; to set one: pvdify config:set {options.app} KEY=VALUE")
    if found.live_version is not None and found.live_version != found.version:
        io.say(
            f"config v{found.version}; live is v{found.live_version} until the next deploy: pvdify deploy {options.app}"
        )
    return DONE


def run_get(options: GetOptions, client: Client, io: Io) -> int:
    """Print one value and nothing else. Raises ConfigVarNotFound, or DeniedError for a secret."""
    if options.is_revealed:
        value = client.reveal_config(options.app, options.key)
        if options.as_json:
            io.show_json({"key": options.key, "value": value})
        else:
            io.show_value(value)
        return DONE
    var = client.config(options.app).vars.get(options.key)
    if var is None and app_name.looks_like_one(options.key) and exists(options.key, client):
        raise Misuse(
            f"KEY is missing: {options.key} is an app, and no config var of {options.app}",
            next=f"pvdify config:get {options.key} KEY",
        )
    if var is None:
        raise ConfigVarNotFound(
            f"{options.app} has no config var {options.key}", next=f"`pvdify config {options.app}` shows what is set"
        )
    if options.as_json:
        io.show_json({"key": options.key, **var_json(var)})
        return DONE
    if var.service:
        raise DeniedError(
            f"{options.key} of {options.app} is a secret",
            why=f"it is the URL of the service {var.service}, and has its password",
            next=f"`pvdify services:connect {var.service}` opens the service without it",
        )
    if var.secret:
        raise DeniedError(
            f"{options.key} of {options.app} is a secret",
            why="the value of a secret is not shown again, except to an admin who asks for it",
            next=f"`pvdify config:get {options.app} {options.key} --reveal` shows it and leaves an event; to replace "
            f"it: `pvdify config:set {options.app} {options.key}=-`",
        )
    io.show_value(var.value or "")
    return DONE


def run_history(options: Options, client: Client, io: Io) -> int:
    """Show the changes: who changed which config vars, and when."""
    versions = client.config_versions(options.app)
    if options.as_json:
        io.show_json({"versions": versions})
    elif versions:
        io.show(
            output.table(
                ("CONFIG", "CREATED", "BY", "SET", "UNSET"), (_version_row(version, io) for version in versions)
            )
        )
    else:
        io.say(f"the config of {options.app} was never changed")
    return DONE


@command("config", run=run_list, example='pvdify config myapp\neval "$(pvdify config myapp --shell)"')
@app_parameter
@click.option("-s", "--shell", "is_shell", is_flag=True, help="KEY='value' lines for a shell; secrets are left out.")
def config(*, app: str, is_shell: bool, as_json: bool) -> Options:
    """Show the config vars of APP, but no secrets."""
    return Options(app=app, is_shell=is_shell, as_json=as_json)


@command("config:get", run=run_get, example="pvdify config:get myapp LOG_LEVEL")
@click.argument("words", metavar="[APP] KEY", nargs=-1)
@click.option(
    "--reveal", "is_revealed", is_flag=True, help="Show a secret; needs an admin's token and is recorded as an event."
)
@app_option
@click.pass_obj
def config_get(
    surroundings: Surroundings, *, words: tuple[str, ...], is_revealed: bool, app: str | None, as_json: bool
) -> GetOptions:
    """Print the value of one config var of APP."""
    name, (key,) = split(words, app, surroundings, command="config:get", values="KEY")
    return GetOptions(app=name, key=key, is_revealed=is_revealed, as_json=as_json)


@command("config:history", run=run_history, example="pvdify config:history myapp")
@app_parameter
def config_history(*, app: str, as_json: bool) -> Options:
    """Show who changed which config vars of APP, and when."""
    return Options(app=app, as_json=as_json)


def var_json(var: ConfigVar) -> dict[str, object]:
    """Return ``{"value": …}`` or ``{"secret": true}``, as in the API."""
    of = {"service": var.service} if var.service else {}
    return {"secret": True, **of} if var.secret else {"value": var.value}


def _shown(var: ConfigVar) -> str:
    if not var.secret:
        return var.value or ""
    return f"(secret, URL of the service {var.service})" if var.service else "(secret)"


def _show_for_shell(found: Config, io: Io) -> None:
    from shlex import quote

    for key, var in found.vars.items():
        if not var.secret:
            io.show_value(f"{key}={quote(var.value or '')}")
    left_out = [key for key, var in found.vars.items() if var.secret]
    if left_out:
        io.say(f"left out, as they are secret: {', '.join(left_out)}")


def _version_row(version: ConfigVersion, io: Io) -> Sequence[str]:
    changed = (", ".join(names) or output.NONE for names in (version.set, version.unset))
    return (output.version(version.version), moment(version.created_at, io), version.created_by, *changed)
