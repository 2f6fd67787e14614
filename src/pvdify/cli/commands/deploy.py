"""``pvdify deploy``: make a new release, and follow its deploy until it is live."""

from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli import manifest_file, source
from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.parameters import WholeNumber, strategy_option
from pvdify.client.api import Client
from pvdify.wire.requests import Deploy, Strategy


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify deploy``. ``notes``: messages about how the arguments were understood."""

    app: str
    deploy: Deploy
    key: str | None
    is_waiting: bool
    as_json: bool
    notes: tuple[str, ...] = ()


def run(options: Options, client: Client, io: Io) -> int:
    """Make the release, and follow its deploy if the options say so."""
    for note in options.notes:
        io.say(note)
    release = client.deploy(options.app, options.deploy, key=options.key)
    if options.is_waiting:
        io.say(f"Deploying {release.image} to {release.app}")
        from pvdify.cli.watch import watch  # while the server works

        return watch(release, client, io, as_json=options.as_json)
    if io.workflow is not None:
        io.workflow.report_release(release)
    if options.as_json:
        io.show_json(release)
    else:
        io.show(str(release.version))
    return DONE


@command(
    "deploy",
    run=run,
    example="pvdify deploy myapp --image ghcr.io/org/app:v1.2.3\n"
    "pvdify deploy myapp    # the live image again, with the newest config",
)
@app_parameter
@click.option("--image", metavar="REF", help="The image; default: the live one, with the newest config.")
@click.option("--manifest", metavar="FILE", help="The manifest; default: ./pvdify.yml, if it is this app's.")
@click.option("--no-wait", is_flag=True, help="Print the release's number and return at once.")
@click.option(
    "--idempotency-key", metavar="KEY", help="A repeated request with this key makes no second release (24 h)."
)
@click.option("--commit", metavar="SHA", help="The commit the image was built from; default: from CI or git.")
@click.option("--branch", metavar="NAME", help="Its branch; default: from CI or git.")
@click.option("--run-number", type=WholeNumber(0), metavar="N", help="The CI run that built it; default: from CI.")
@click.option("--allow-older", is_flag=True, help="Allow an older commit to replace a newer one of its branch.")
@strategy_option
@click.pass_obj
def deploy(  # noqa: PLR0913 - one parameter per option
    surroundings: Surroundings,
    *,
    app: str,
    image: str | None,
    manifest: str | None,
    no_wait: bool,
    idempotency_key: str | None,
    commit: str | None,
    branch: str | None,
    run_number: int | None,
    allow_older: bool,
    strategy: Strategy | None,
    as_json: bool,
) -> Options:
    """Deploy a new release of APP.

    The first deploy creates the app. The command follows the deploy until the release is live or has failed. A failure
    before the switch changes nothing for visitors. Ctrl-C detaches, and the deploy continues. An image of an older
    commit never replaces a newer one of the same branch (exit code 6). Commit, branch and run number come from GitHub
    Actions or git, unless you give them.

    With `--strategy stop-first`, for servers with little memory, the live release stops before the new one starts.
    Requests wait in the router meanwhile, for at most `hold` of the manifest; after that visitors get 503. If the new
    release fails, the old one is started again.
    """
    text, notes = _manifest(manifest, app, surroundings.folder)
    origin = source.find(surroundings)
    wanted = Deploy(
        image=image,
        manifest=text,
        commit=commit or origin.commit,
        branch=branch or origin.branch,
        run_number=origin.run_number if run_number is None else run_number,
        allow_older=allow_older,
        strategy=strategy,
    )
    return Options(app=app, deploy=wanted, key=idempotency_key, is_waiting=not no_wait, as_json=as_json, notes=notes)


def _manifest(file: str | None, app: str, folder: Path) -> tuple[str | None, tuple[str, ...]]:
    if file is not None:
        return manifest_file.read(folder / file), ()
    text = manifest_file.read_default(folder)
    owner = None if text is None else manifest_file.app_of(text)
    if manifest_file.is_for(owner, app):
        return text, ()
    name = manifest_file.NAME
    return None, (f"{name} is for {owner} and not used for {app}; to use it: --manifest {name}",)
