"""``pvdify services:link`` and ``services:unlink``: the apps that have access to a service."""

from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify services:link`` and ``services:unlink``.

    ``variable``: the name of the config var with the URL; None for the kind's usual name.
    """

    name: str
    app: str
    variable: str | None
    as_json: bool


def run_link(options: Options, client: Client, io: Io) -> int:
    """Give the app access to the service."""
    link = client.link_service(options.name, options.app, options.variable)
    if options.as_json:
        io.show_json(link)
    else:
        io.show(f"{options.app} is linked to {options.name}: its URL is {link.variable}")
    io.say(
        f"{options.app} gets {link.variable} with its next deploy: pvdify deploy {options.app}; "
        f"undo: pvdify services:unlink {options.name} {options.app}"
    )
    return DONE


def run_unlink(options: Options, client: Client, io: Io) -> int:
    """Remove the app's access to the service."""
    client.unlink_service(options.name, options.app)
    if options.as_json:
        io.show_json({"service": options.name, "app": options.app, "status": "unlinked"})
    else:
        io.show(f"{options.app} does not reach {options.name} any more")
    io.say(
        f"its running instances keep the URL until the next deploy: pvdify deploy {options.app}; "
        f"undo: pvdify services:link {options.name} {options.app}"
    )
    return DONE


@command(
    "services:link", run=run_link,
    example="pvdify services:link db myapp && pvdify deploy myapp\npvdify services:link cache myapp --as CACHE_URL",
)  # fmt: skip
@click.argument("name")
@click.argument("app_argument", metavar="[APP]", required=False)
@click.option("-a", "--app", metavar="APP", help="The app, if it is not an argument.")
@click.option(
    "--as", "variable", metavar="VARIABLE", help="The variable with the URL.  [default: DATABASE_URL, REDIS_URL]"
)
@click.pass_obj
def services_link(
    surroundings: Surroundings, *, name: str, app_argument: str | None, app: str | None, variable: str | None,
    as_json: bool,
) -> Options:  # fmt: skip
    """Give APP access to the service NAME.

    They share a private network.
    The service's name is its hostname. The app gets one environment variable with the URL and password, as a secret.
    The app gets both with its next deploy.
    """
    resolved = app_name.resolve(app_argument, app, surroundings)
    return Options(name=name, app=resolved, variable=variable, as_json=as_json)


@command("services:unlink", run=run_unlink, example="pvdify services:unlink db myapp")
@click.argument("name")
@click.argument("app_argument", metavar="[APP]", required=False)
@click.option("-a", "--app", metavar="APP", help="The app, if it is not an argument.")
@click.pass_obj
def services_unlink(
    surroundings: Surroundings, *, name: str, app_argument: str | None, app: str | None, as_json: bool
) -> Options:
    """Remove the access of APP to the service NAME, at once."""
    resolved = app_name.resolve(app_argument, app, surroundings)
    return Options(name=name, app=resolved, variable=None, as_json=as_json)
