"""``pvdify whoami``: show the token's name and rights, and the server."""

from dataclasses import dataclass

from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.output import facts
from pvdify.client.api import Client


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify whoami``."""

    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Ask the server for the name and rights of the token."""
    identity = client.whoami()
    url = client.target.endpoint.url
    if options.as_json:
        io.show_json({"name": identity.name, "role": identity.role, "app": identity.app, "url": url})
    else:
        rows = (("name", identity.name), ("role", identity.role), ("app", identity.app or "all"), ("server", url))
        io.show(facts(rows))
    return DONE


@command("whoami", run=run, example="pvdify whoami")
def whoami(*, as_json: bool) -> Options:
    """Show whose token is used, and on which server."""
    return Options(as_json=as_json)
