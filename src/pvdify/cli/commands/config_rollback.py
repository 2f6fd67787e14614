"""``pvdify config:rollback``: make a new config version that repeats an older one."""

from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.commands.config_change import report
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.cli.parameters import looks_like_release, release_number
from pvdify.client.api import Client
from pvdify.wire.answers import Config


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify config:rollback``. ``version``: None for the one before the newest."""

    app: str
    version: int | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Roll the config back, and print which config vars were set and unset."""
    done = client.roll_back_config(options.app, options.version)
    if options.as_json:
        io.show_json({"app": options.app, **vars(done)})
        return DONE
    if not (done.set or done.unset):
        io.say(f"nothing was changed: config v{done.version} of {options.app} says the same")
        return DONE
    shown = Config(version=done.version, live_version=done.live_version, vars={})
    said = (f"{what} {', '.join(names)}" for what, names in (("set", done.set), ("unset", done.unset)) if names)
    return report(shown, options.app, "; ".join(said), io, as_json=False)


@command("config:rollback", run=run, example="pvdify config:rollback myapp\npvdify config:rollback myapp v3")
@click.argument("words", metavar="[APP] [N]", nargs=-1)
@app_option
@click.pass_obj
def config_rollback(surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool) -> Options:
    """Restore an older config version of APP.

    Makes a new config version with the values of version N (3 or v3), secrets included; default: the one before the
    newest. The next deploy applies it. `pvdify config:history` lists the versions.
    """
    if len(words) > 2:
        raise Misuse(f'"{words[2]}" is one word too many', next="pvdify config:rollback APP N")
    has_number = bool(words) and (len(words) == 2 or looks_like_release(words[-1]))
    argument = words[0] if len(words) > int(has_number) else None
    version = release_number(words[-1]) if has_number else None
    return Options(app=app_name.resolve(argument, app, surroundings), version=version, as_json=as_json)
