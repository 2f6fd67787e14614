"""Two ways to start and replace HAProxy: as a background process of pvdifyd, or as a systemd unit.

In both, HAProxy keeps running when pvdifyd ends. A unit has three advantages: systemd holds the listening socket, so
that no connection is refused when the router dies or changes its version; the router starts before pvdifyd at boot;
and its log is in the journal.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pvdify.adapters.haproxy import commands, disk, parse, process
from pvdify.adapters.haproxy.commands import Replaced
from pvdify.errors import RouterUnavailable, RuntimeUnavailable
from pvdify.plumbing.services import Services
from pvdify.settings import Address

INHERITED = "fd@3"  # the first socket that systemd passes


@dataclass(frozen=True, kw_only=True)
class Order:
    """A program to start, and the processes that it replaces; None if no process answers on the command socket."""

    binary: str
    replaced: Replaced | None = None
    is_other_version: bool = False


class Launcher(Protocol):
    """Starts a HAProxy process with the configuration on the disk."""

    @property
    def bind(self) -> str:
        """The address to listen on, for the configuration text."""
        ...

    async def launch(self, order: Order) -> None:
        """Start the process. Replaced processes finish their requests. Raises RouterUnavailable, OSError."""
        ...


class InBackground:
    """A launcher of background processes. Each process has a session of its own and inherits the listening socket."""

    def __init__(self, directory: Path, listen: Address) -> None:
        self._directory = directory
        self._listen = listen

    @property
    def bind(self) -> str:
        """See the protocol."""
        return str(self._listen)

    async def launch(self, order: Order) -> None:
        """See the protocol. A process that serves, but no longer answers on the socket, is replaced, too."""
        replaced = order.replaced or Replaced(pids=process.find(commands.identity(self._directory)))
        argv = commands.start(order.binary, self._directory, disk.CONFIG, replaced)
        async with process.appending_to(self._directory / disk.ACCESS_LOG) as descriptor:
            code, _, stderr = await process.run(argv, log=descriptor)
        if code != 0:
            raise _did_not_start(self._listen, parse.complaint(stderr))


class AsUnit:
    """A launcher by a systemd unit. systemd passes the listening socket; the unit replaces the old process."""

    def __init__(self, services: Services, unit: str) -> None:
        self._services = services
        self._unit = unit

    @property
    def bind(self) -> str:
        """See the protocol."""
        return INHERITED

    async def launch(self, order: Order) -> None:
        """See the protocol. Reload the unit, or restart it for another version, or if no process answers.

        A reload keeps the old process if the new configuration is invalid, but cannot change the program. A unit whose
        process does not answer may still be active, with its command socket elsewhere, so a start would do nothing.
        """
        try:
            if order.replaced is None or order.is_other_version:
                await self._services.restart(self._unit)
            else:
                await self._services.reload(self._unit)
        except RuntimeUnavailable as error:
            raise self._refused(error) from error

    def _refused(self, error: RuntimeUnavailable) -> RouterUnavailable:
        return RouterUnavailable(
            f"{self._unit} does not start",
            why=error.why or error.what,
            next=f"`systemctl status {self._unit}` and `journalctl -u {self._unit}` show details",
        )


def _did_not_start(listen: Address, complaint: str) -> RouterUnavailable:
    is_taken = "cannot bind" in complaint and str(listen) in complaint
    return RouterUnavailable(
        f"the router does not start on {listen}",
        why=complaint,
        next=f"`ss -ltnp` shows which program has port {listen.port}; stop it, or choose another --router-listen"
        if is_taken
        else "correct what HAProxy reports; pvdifyd retries by itself",
    )
