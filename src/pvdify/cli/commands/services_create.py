"""``pvdify services:create``: create a database, a cache or another container with data."""

from dataclasses import dataclass

import click

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DETACHED, DONE
from pvdify.cli.io import Io
from pvdify.cli.parameters import WholeNumber
from pvdify.cli.waiting_for_service import wait_for
from pvdify.client.api import Client
from pvdify.quantities import parse_size
from pvdify.wire.requests import CreateService


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify services:create``."""

    wanted: CreateService
    is_waiting: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Create the service, and wait until it answers if the options say so."""
    name = options.wanted.name
    service = client.create_service(options.wanted)
    if options.is_waiting:
        try:
            service = wait_for(name, client, io)
        except KeyboardInterrupt:
            io.say(f"{name} is made all the same; `pvdify services:info {name}` shows it")
            return DETACHED
    if options.as_json:
        io.show_json(service)
    else:
        io.show(f"the service {name} is {service.state} ({service.image})")
    io.say(
        f"give an app access: pvdify services:link {name} APP; undo: pvdify services:destroy {name} --confirm {name}"
    )
    return DONE


@command(
    "services:create", run=run,
    example="pvdify services:create db --kind postgres\n"
    "pvdify services:create search --image docker.io/getmeili/meilisearch:v1.11 --port 7700 --volume /meili_data "
    "--env MEILI_MASTER_KEY={password} --url-shape 'http://:{password}@{host}:{port}'",
)  # fmt: skip
@click.argument("name")
@click.option("-k", "--kind", metavar="KIND", help="postgres or redis.")
@click.option("-i", "--image", metavar="REF", help="Any image; with --kind: instead of the default one.")
@click.option("--port", type=WholeNumber(1, 65_535), help="The port on which the image listens.")
@click.option("--volume", metavar="PATH", help="The directory in the container whose data is kept.")
@click.option("-e", "--env", "pairs", metavar="K=V", multiple=True,
              help="An environment variable; {password} is replaced by a generated password.")  # fmt: skip
@click.option("-m", "--memory", metavar="SIZE", help="Its memory limit.  [default: 512M]")
@click.option(
    "--url-shape",
    "shape",
    metavar="SHAPE",
    help="The URL that apps get, such as mysql://root:{password}@{host}:{port}/app.",
)
@click.option("--no-wait", is_flag=True, help="Do not wait until the service answers.")
def services_create(  # noqa: PLR0913 - one parameter per option
    *, name: str, kind: str | None, image: str | None, port: int | None, volume: str | None, pairs: tuple[str, ...],
    memory: str | None, shape: str | None, no_wait: bool, as_json: bool,
) -> Options:  # fmt: skip
    """Create the service NAME, such as a database.

    A service is a container with a volume; deploys of apps do not change it.
    pvdify creates its password and stores it encrypted. No app can connect before `pvdify services:link`.
    """
    if kind is None and image is None:
        raise click.UsageError("name a --kind (postgres or redis) or an --image")
    wanted = CreateService(
        name=name, kind=kind, image=image, port=port, volume=volume, environment=_environment(pairs),
        memory=_memory(memory), url=shape,
    )  # fmt: skip
    return Options(wanted=wanted, is_waiting=not no_wait, as_json=as_json)


def _environment(pairs: tuple[str, ...]) -> dict[str, str]:
    found = dict[str, str]()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (equals and key):
            raise click.BadParameter("expected NAME=VALUE", param_hint="--env")  # its text may be a secret
        found[key] = value
    return found


def _memory(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--memory") from error
