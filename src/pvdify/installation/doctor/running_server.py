"""The checks that the server running on this machine reports about itself."""

from pathlib import Path

from pvdify.client.api import Client
from pvdify.client.endpoint import parse_url
from pvdify.client.session import Session
from pvdify.client.target import Target
from pvdify.errors import PvdifyError
from pvdify.wire.answers import Check

ASKED = ("router", "runtime", "apps", "app-disk")  # the doctor does the server's other checks itself


def checks(socket: Path) -> tuple[Check, ...]:
    """Ask the server at this socket for its checks.

    Return nothing if there is no socket or only root may use it, and one broken check if the server does not answer.
    """
    try:
        if not socket.is_socket():
            return ()
    except PermissionError:
        return ()
    try:
        status = Client(Session(Target(endpoint=parse_url(f"unix://{socket}")))).status()
    except PvdifyError as error:
        why = error.why or error.what
        return (Check(name="pvdifyd", state="broken", text=why, next="journalctl -u pvdifyd.service -n 50"),)
    running = Check(name="pvdifyd", state="ok", text=f"version {status.version}, {status.apps} apps")
    return (running, *(check for check in status.checks if check.name in ASKED))
