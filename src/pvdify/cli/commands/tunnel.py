"""``pvdify tunnel``: connect a port of this machine to a port inside an instance, through the API."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import click

from pvdify.cli.command import app_option, command
from pvdify.cli.commands.ps_exec import instance_of
from pvdify.cli.exit_codes import DETACHED
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.parameters import WholeNumber
from pvdify.cli.words import split
from pvdify.client.api import Client
from pvdify.client.calls.runs import RunEnded
from pvdify.client.events import StreamLost
from pvdify.errors import InvalidSetting, PvdifyError
from pvdify.wire.answers import OneOff
from pvdify.wire.requests import OpenTunnel

LOOPBACK = "127.0.0.1"
PIECE = 32 * 1024
MOST_AT_ONCE = 32  # connections; each uses two threads here and one process on the server
MOST_PORTS = 65_535


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify tunnel``.

    ``local``: the local port; 0 for a free one; None for the remote port's number, or else a free one.
    """

    app: str
    wanted: OpenTunnel
    local: int | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Accept connections until Ctrl-C. Raises AppNotFound before the first connection."""
    with listen(options) as listener:
        host, port = listener.getsockname()
        _announce(options, f"{host}:{port}", client, io)
        places = threading.BoundedSemaphore(MOST_AT_ONCE)

        def work(connection: socket.socket) -> None:
            with places:
                serve(connection, options, client, io.say)

        try:
            while True:
                threading.Thread(target=work, args=(accept(listener),), daemon=True).start()
        except KeyboardInterrupt:
            return DETACHED


@command(
    "tunnel", run=run,
    example="pvdify tunnel myapp 9229\npvdify tunnel myapp 5432 --local 15432 --process worker.1",
)  # fmt: skip
@click.argument("words", metavar="[APP] PORT", nargs=-1)
@app_option
@click.option("--local", type=WholeNumber(0, MOST_PORTS), metavar="PORT", help="The local port; default: the same.")
@click.option("-p", "--process", "instance", metavar="PROCESS.N", help="The instance; default: the first of web.")
@click.pass_obj
def tunnel(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, local: int | None, instance: str | None,
    as_json: bool,
) -> Options:  # fmt: skip
    """Forward a local port to a port inside an instance.

    The port may listen on the container's loopback only, as debuggers do. Connections go through the API, with your
    token, and end with this command. Only programs on this machine can connect.
    """
    name, (text,) = split(words, app, surroundings, command="tunnel", values="PORT")
    if not text.isdecimal() or not 0 < int(text) <= MOST_PORTS:
        raise click.UsageError(f'"{text}" is no port; write a number from 1 to {MOST_PORTS}')
    process, number = instance_of(instance)
    wanted = OpenTunnel(port=int(text), process=process, number=number)
    return Options(app=name, wanted=wanted, local=local, as_json=as_json)


def listen(options: Options) -> socket.socket:
    """Return a socket that listens on the local port. Raises InvalidSetting."""
    wanted = options.wanted.port if options.local is None else options.local
    for port in (wanted, *([0] if options.local is None else [])):
        with suppress(OSError):
            return socket.create_server((LOOPBACK, port))
    raise InvalidSetting(
        f"port {wanted} of this machine cannot be used", why="another program uses it, or only root may",
        next=f"pvdify tunnel {options.app} {options.wanted.port} --local 0",
    )  # fmt: skip


def _announce(options: Options, address: str, client: Client, io: Io) -> None:
    client.app(options.app)  # report an unknown or forbidden app now, not at the first connection
    if options.as_json:
        io.show_json({"app": options.app, "listen": address, "port": options.wanted.port}, is_line=True)
    else:
        io.show(f"{address} is forwarded to port {options.wanted.port} of {options.app}; Ctrl-C ends it")


def accept(listener: socket.socket) -> socket.socket:
    """Return the next connection."""
    return listener.accept()[0]


def serve(connection: socket.socket, options: Options, client: Client, say: Callable[[str], None]) -> None:
    """Forward the bytes of one connection until it ends. ``say`` is called with errors."""
    try:
        with connection:
            opened = client.open_tunnel(options.app, options.wanted)
            try:
                threading.Thread(target=_pass_on, args=(connection, opened, client), daemon=True).start()
                _bring_back(connection, opened, client, say)
            finally:
                with suppress(PvdifyError):
                    client.end_run(opened)
    except PvdifyError as error:
        say(error.render())
    except StreamLost as lost:
        say(f"a connection was lost: {lost.why}")
    except OSError:
        pass  # the local program has closed its end


def _pass_on(connection: socket.socket, opened: OneOff, client: Client) -> None:
    sent = 0
    with suppress(OSError, PvdifyError):  # the answer says how the connection ended
        while True:
            data = connection.recv(PIECE)
            client.write_run(opened, sent, data)
            sent += len(data)
            if not data:
                return


def _bring_back(connection: socket.socket, opened: OneOff, client: Client, say: Callable[[str], None]) -> None:
    for event in client.follow_run(opened):
        if isinstance(event, RunEnded):
            return
        if event.stream == "stderr":
            say(event.data.decode("utf-8", "replace").rstrip("\n"))
        else:
            connection.sendall(event.data)
