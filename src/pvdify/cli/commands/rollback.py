"""``pvdify rollback``: make a new release that repeats an older one."""

from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.misuse import Misuse
from pvdify.cli.output import NONE, differences, facts
from pvdify.cli.parameters import looks_like_release, release_number, strategy_option
from pvdify.client.api import Client
from pvdify.wire.answers import Release, RollbackPlan
from pvdify.wire.requests import Rollback, Strategy


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify rollback``.

    ``version``: the release to repeat; None: the one that was live before. ``is_plan``: only show what would happen.
    """

    app: str
    version: int | None
    is_plan: bool
    as_json: bool
    strategy: Strategy | None = None


def run(options: Options, client: Client, io: Io) -> int:
    """Roll back and follow the deploy, or show the plan."""
    if options.is_plan:
        return _show_plan(client.rollback_plan(options.app, options.version), io, as_json=options.as_json)
    release = client.rollback(options.app, Rollback(version=options.version, strategy=options.strategy))
    io.say(f"Rolling back {release.app} to {release.image}")
    from pvdify.cli.watch import watch  # while the server works

    return watch(release, client, io, as_json=options.as_json)


@command("rollback", run=run, example="pvdify rollback myapp\npvdify rollback myapp v41 --plan")
@click.argument("words", metavar="[APP] [N]", nargs=-1)
@app_option
@click.option(
    "--version", type=release_number, metavar="N", help="The release to repeat: 41 or v41; default: the one before."
)
@strategy_option
@click.option("--plan", "is_plan", is_flag=True, help="Show what a rollback would do, and change nothing.")
@click.pass_obj
def rollback(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, version: int | None,
    strategy: Strategy | None, is_plan: bool, as_json: bool,
) -> Options:  # fmt: skip
    """Roll APP back to an older release.

    Deploys a new release that repeats the older one exactly: its image by digest, its config version, its manifest.
    A single argument of the form 41 or v41 is the release. If an app has such a name, use --app.
    """
    argument, number = _app_and_number(words)
    if number is not None and version not in (None, number):
        raise click.UsageError(f"two releases are named: v{number} and --version {version}")
    if is_plan and strategy:
        raise click.UsageError(
            "--plan shows what a rollback changes, the same with each strategy: leave out --strategy"
        )
    name = app_name.resolve(argument, app, surroundings)
    return Options(app=name, version=version or number, strategy=strategy, is_plan=is_plan, as_json=as_json)


def _app_and_number(words: tuple[str, ...]) -> tuple[str | None, int | None]:
    """Return the app and the release that the words name, or None for each. Raises click.UsageError."""
    if len(words) > 2:
        raise Misuse(f'"{words[2]}" is one word too many', next="pvdify rollback APP N")
    if len(words) == 2:
        return words[0], release_number(words[1])
    if words and looks_like_release(words[0]):
        return None, release_number(words[0])
    return (words[0] if words else None), None


def _show_plan(plan: RollbackPlan, io: Io, *, as_json: bool) -> int:
    if as_json:
        io.show_json(plan)
        return DONE
    is_warm = "yes: its instances still run, the rollback is only a switch"
    rows = [
        ("from", NONE if plan.current is None else _describe(plan.current)),
        ("to", _describe(plan.target)),
        ("warm", is_warm if plan.is_warm else "no: its instances are started first"),
    ]
    if plan.volumes:
        rows.append(("volumes", f"{', '.join(plan.volumes)}: not rolled back, what is in them stays as it is now"))
    io.show(facts(rows))
    if plan.changes:
        io.show("")
        io.show(differences(plan.changes))
    return DONE


def _describe(release: Release) -> str:
    return f"v{release.version}  {release.image}  config v{release.config_version}"
