"""``pvdify open``: open the dashboard, or an app's address, in a browser."""

from dataclasses import dataclass
from urllib.parse import quote

import click

from pvdify.cli import app_name
from pvdify.cli.command import app_option, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.client.endpoint import parse_url
from pvdify.errors import NotFoundError

_SCHEMES = ("http://", "https://")
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify open``.

    ``is_dashboard``: open the dashboard, at the app's page if an app is named. ``is_printing``: only print the address.
    """

    app: str | None
    is_dashboard: bool
    is_printing: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Print the address, and open it in a browser if there is a desktop. Raises NotFoundError."""
    return _open_dashboard(options, client, io) if options.is_dashboard else _open_app(options, client, io)


def _open_app(options: Options, client: Client, io: Io) -> int:
    found = client.app(options.app or "")
    if not found.url:
        raise NotFoundError(
            f"{options.app} has no address", why="it has no web process",
            next=f"`pvdify apps:info {options.app}` shows its processes",
        )  # fmt: skip
    if options.as_json:
        io.show_json({"app": found.name, "url": found.url})
    else:
        io.show(found.url)
    _browse(found.url, options, io)
    return DONE


def _open_dashboard(options: Options, client: Client, io: Io) -> int:
    link = client.sign_in_link()
    url = f"{link.url}?to={quote(f'/apps/{options.app}', safe='')}" if options.app else link.url
    if options.as_json:
        io.show_json({"url": url, "name": link.name, "expires_at": link.expires_at})
        return DONE
    io.show(url)
    io.say(f"signs one browser in as {link.name}, once and within a minute")
    endpoint = parse_url(link.url)
    if client.target.endpoint.scheme == "unix" and endpoint.host == _LOOPBACK:
        port = endpoint.port
        io.say(f"from another computer, first: ssh -L {port}:{_LOOPBACK}:{port} THIS-SERVER")
    _browse(url, options, io)
    return DONE


def _browse(url: str, options: Options, io: Io) -> None:
    # Only web addresses: a browser may also open files and start programs.
    if not options.is_printing and not options.as_json and url.startswith(_SCHEMES) and not io.browse(url):
        io.say("no browser was found here: open the address yourself")


@command("open", run=run, example="pvdify open\npvdify open myapp")
@click.argument("app_argument", metavar="[APP]", required=False)
@app_option
@click.option("--dashboard", "is_dashboard", is_flag=True, help="Open the page of APP in the dashboard.")
@click.option("--print", "is_printing", is_flag=True, help="Only print the address.")
def open(
    *, app_argument: str | None, app: str | None, is_dashboard: bool, is_printing: bool, as_json: bool
) -> Options:  # fmt: skip
    """Open the dashboard, or the address of APP, in a browser.

    The link to the dashboard signs in one browser as you. It works once, within 60 seconds.
    """
    if app_argument and app and app_argument != app:
        raise click.UsageError(f"the app is named twice: {app_argument}, and --app {app}")
    named = app_argument or app
    return Options(
        app=app_name.check(named) if named else None, is_dashboard=is_dashboard or not named, is_printing=is_printing,
        as_json=as_json,
    )  # fmt: skip
