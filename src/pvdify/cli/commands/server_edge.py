"""``pvdify server edge``: show or choose how requests from the internet reach the server."""

from dataclasses import dataclass
from pathlib import Path

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE, FAILED
from pvdify.cli.io import Io, typed
from pvdify.client.api import Client
from pvdify.wire.answers import Edge
from pvdify.wire.requests import ConnectEdge


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify server edge``.

    ``kind``: None to show the edge. ``token_file``: None to read the token from stdin.
    """

    kind: str | None
    token_file: Path | None
    tunnel: str | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show, connect or disconnect the edge."""
    if options.kind == "cloudflare":
        return _connect(options, client, io)
    if options.kind == "none":
        client.disconnect_edge()
        if options.as_json:
            io.show_json({"kind": "none"})
        else:
            io.show("Cloudflare sends no visitors to this server any more; pvdify's records there are deleted")
        io.say("visitors now come by whatever you put in front of the router: pvdify status shows its address")
        return DONE
    found = client.edge()
    _show(found, io, as_json=options.as_json)
    return FAILED if found.failure else DONE


@command(
    "edge",
    run=run,
    example="pvdify server edge\n"
    "pvdify server edge cloudflare --token-file /root/cloudflare-token\n"
    "pvdify server edge cloudflare --tunnel office <token",
)
@click.argument("kind", type=click.Choice(("cloudflare", "none")), required=False)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file with the API token; default: stdin.",
)
@click.option("--tunnel", metavar="NAME", help="An existing tunnel to use; default: create one.")
def edge(*, kind: str | None, token_file: Path | None, tunnel: str | None, as_json: bool) -> Options:
    """Show or choose how visitors reach the server.

    `cloudflare` creates a tunnel, its rules, and a DNS record for each hostname, keeps them up to date, and runs
    cloudflared. The API token needs Zone > Zone > Read, Zone > DNS > Edit and Account > Cloudflare Tunnel > Edit.
    `none` removes all of it: visitors then need your own proxy. Deploys do not call Cloudflare.
    """
    if kind != "cloudflare" and (token_file or tunnel):
        raise click.UsageError("--token-file and --tunnel belong to `pvdify server edge cloudflare`")
    return Options(kind=kind, token_file=token_file, tunnel=tunnel, as_json=as_json)


def _connect(options: Options, client: Client, io: Io) -> int:
    connected = client.connect_edge(ConnectEdge(token=_token(options.token_file, io), tunnel=options.tunnel))
    _show(connected, io, as_json=options.as_json)
    if connected.failure is None:
        io.say("how it is from now on: pvdify server edge; undo: pvdify server edge none")
    return DONE if connected.failure is None else FAILED


def _token(file: Path | None, io: Io) -> str:
    if file is None:
        return (io.ask_secret("API token: ") if io.is_stdin_terminal else typed(io.stdin.readline)).strip()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{file} cannot be read: {error}") from error


def _show(found: Edge, io: Io, *, as_json: bool) -> None:
    if as_json:
        io.show_json(found)
        return
    if found.kind == "none":
        io.show("none: visitors come by whatever you put in front of the router")
        io.say("to route them by Cloudflare: pvdify server edge cloudflare --help")
        return
    led = f"{len(found.hostnames) - len(found.problems)} of {len(found.hostnames)}"
    io.show(
        output.facts(
            (
                ("edge", "cloudflare"),
                ("tunnel", f"{found.tunnel} ({found.health})" if found.tunnel else ""),
                ("cloudflared", found.process),
                ("hostnames", "" if found.failure else f"{led} point here"),
            )
        )
    )
    for problem in found.problems:
        io.show(f"  {problem.hostname}: {problem.what}")
        io.show(f"    next: {problem.next}")
    if found.failure is not None:
        io.say(f"not done yet: {found.failure.what}", style="error")
        for name, text in (("why: ", found.failure.why), ("next:", found.failure.next)):
            if text:
                io.say(f"  {name} {text}")
