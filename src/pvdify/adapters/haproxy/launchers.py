"""How HAProxy is started and replaced: by ourselves, in the background; or by systemd, as a unit of its own.

Neither ends with us. A unit has more: systemd has the listening socket, so that not even a router that dies or is
replaced by another version keeps a visitor out; it is up before us at boot; and its log is in the journal.
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
    """What to launch: the program, and what it takes over from; None: nothing that answers."""

    binary: str
    replaced: Replaced | None = None
    is_other_version: bool = False


class Launcher(Protocol):
    """Launches a process of the configuration that has just been written."""

    @property
    def bind(self) -> str:
        """Where it listens by its configuration."""
        ...

    async def launch(self, order: Order) -> None:
        """Have it started; those it replaces finish what they serve. Raises RouterUnavailable, OSError."""
        ...


class InBackground:
    """A process of its own session, whose listening socket goes from the old to the new one."""

    def __init__(self, directory: Path, listen: Address) -> None:
        self._directory = directory
        self._listen = listen

    @property
    def bind(self) -> str:
        """See the protocol."""
        return str(self._listen)

    async def launch(self, order: Order) -> None:
        """See the protocol. One that no longer answers, but still serves, is left to finish too."""
        replaced = order.replaced or Replaced(pids=process.find(commands.identity(self._directory)))
        argv = commands.start(order.binary, self._directory, disk.CONFIG, replaced)
        async with process.appending_to(self._directory / disk.ACCESS_LOG) as descriptor:
            code, _, stderr = await process.run(argv, log=descriptor)
        if code != 0:
            raise _did_not_start(self._listen, parse.complaint(stderr))


class AsUnit:
    """A unit that systemd starts with its listening socket; what is to be replaced is asked to finish by the unit."""

    def __init__(self, services: Services, unit: str) -> None:
        self._services = services
        self._unit = unit

    @property
    def bind(self) -> str:
        """See the protocol."""
        return INHERITED

    async def launch(self, order: Order) -> None:
        """See the protocol. A reload keeps the old process where the new text is no good, but also its program.

        A unit without an answer may run all the same, with the socket elsewhere: it is restarted, not only started.
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
            next=f"`systemctl status {self._unit}` and `journalctl -u {self._unit}` say more",
        )


def _did_not_start(listen: Address, complaint: str) -> RouterUnavailable:
    is_taken = "cannot bind" in complaint and str(listen) in complaint
    return RouterUnavailable(
        f"the router does not start on {listen}",
        why=complaint,
        next=f"`ss -ltnp` shows who has port {listen.port}; stop it, or choose another --router-listen"
        if is_taken
        else "correct what HAProxy complains about; pvdifyd tries again by itself",
    )
