"""Places on the machine of the fakes, which is not this one: an address that got lost on the way is noticed."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import Protocol

from pvdify.errors import NoFreePort
from pvdify.model.endpoint import Endpoint
from pvdify.settings import PortRange

HOST = "10.0.0.7"


def at(port: int) -> Endpoint:
    """The endpoint with this port on the machine of the fakes."""
    return Endpoint(HOST, port)


class HasEndpoints(Protocol):
    """What FakePlaces asks of a FakeSupervisor."""

    def used_endpoints(self) -> frozenset[Endpoint]: ...


class FakePlaces:
    """Ports of ``HOST``, free unless on record, named in ``others`` or used by a running container."""

    def __init__(self, ports: PortRange, *, supervisor: HasEndpoints | None = None) -> None:
        self.others: set[int] = set()
        self._ports = ports
        self._supervisor = supervisor

    async def reserve(
        self, asker: str, names: Sequence[str], taken: Sequence[Endpoint], runtime: str = ""
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        used = self._supervisor.used_endpoints() if self._supervisor else frozenset()
        last = taken[-1].port if taken else 0
        gone = self.others | {it.port for it in (*taken, *used) if it.host == HOST}
        ordered = chain((it for it in self._ports if it > last), (it for it in self._ports if it <= last))
        free = [at(port) for port in islice((it for it in ordered if it not in gone), len(names))]
        if len(free) < len(names):
            raise NoFreePort(
                f"{asker} needs {len(names)} more ports, {len(free)} are free",
                why=f"every other port of {self._ports} is taken",
                next="choose a wider range",
            )
        return tuple(free)
