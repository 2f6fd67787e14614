"""What the server that runs on this machine says of itself, if one does."""

from pathlib import Path

from pvdify.client.api import Client
from pvdify.client.endpoint import parse_url
from pvdify.client.session import Session
from pvdify.client.target import Target
from pvdify.errors import PvdifyError
from pvdify.wire.answers import Check

ASKED = ("router", "runtime", "apps", "app-disk")  # the rest has been looked at from outside


def checks(socket: Path) -> tuple[Check, ...]:
    """Nothing where no server has its socket; what is wrong where it does not answer."""
    if not socket.is_socket():
        return ()
    try:
        status = Client(Session(Target(endpoint=parse_url(f"unix://{socket}")))).status()
    except PvdifyError as error:
        why = error.why or error.what
        return (Check(name="pvdifyd", state="broken", text=why, next="journalctl -u pvdifyd.service -n 50"),)
    running = Check(name="pvdifyd", state="ok", text=f"version {status.version}, {status.apps} apps")
    return (running, *(check for check in status.checks if check.name in ASKED))
