"""On which side an instance is: on this machine, or in the cluster."""

import asyncio
from collections.abc import Awaitable, Callable

from pvdify.errors import RuntimeUnavailable
from pvdify.model.instance import FoundInstance
from pvdify.model.runtime_choice import CLUSTER
from pvdify.ports.instances import Instances
from pvdify.ports.volumes import Volumes


async def is_across(
    id: str, runtime: str, *, local: Volumes, cluster: Volumes, is_used: Callable[[], Awaitable[bool]]
) -> bool:  # fmt: skip
    """Return whether a volume is stored on the other side than this runtime's, and not on its own one, too.

    ``is_used``: whether the cluster is to be asked at all. Raises RuntimeUnavailable.
    """
    own, other = (cluster, local) if runtime == CLUSTER else (local, cluster)
    if id in await own.find() or not (other is local or await is_used()):
        return False
    return id in await other.find()


class Sides:
    """Finds the side of instances by name.

    Args:
        cluster: the instances in the cluster.
        is_used: whether anything of this server may run in the cluster. Reads a directory. Raises OSError.
    """

    def __init__(self, cluster: Instances, is_used: Callable[[], bool]) -> None:
        self._cluster, self._is_used = cluster, is_used
        self._in_cluster: set[str] = set()  # what certainly is there
        self._on_machine: set[str] = set()  # what certainly is here
        self.came_into_use = asyncio.Event()  # the first instance is made there
        self._last: tuple[FoundInstance, ...] | None = None

    def note(self, name: str, runtime: str) -> None:
        """Remember the runtime of an instance that is being made."""
        (self._in_cluster if runtime == CLUSTER else self._on_machine).add(name)
        (self._on_machine if runtime == CLUSTER else self._in_cluster).discard(name)
        if runtime == CLUSTER:
            self.came_into_use.set()

    def found_here(self, names: set[str]) -> None:
        """Remember all instances of this machine."""
        self._on_machine = names

    async def is_used(self) -> bool:
        """Return whether the cluster has to be asked at all: not before the first app is there."""
        return self.came_into_use.is_set() or await asyncio.to_thread(self._is_used)

    async def all_in_cluster(self) -> tuple[FoundInstance, ...]:
        """Return all instances in the cluster: while it does not answer, the ones of its last answer.

        So that instances on this machine are still repaired. Raises RuntimeUnavailable if it has never answered.
        """
        if not await self.is_used():
            return ()
        try:
            found = await self._cluster.find()
        except RuntimeUnavailable:
            if self._last is None:
                raise
            return self._last
        self._last, self._in_cluster = found, {each.name for each in found}
        return found

    async def is_in_cluster(self, name: str) -> bool:
        """Return whether the instance is in the cluster. Raises RuntimeUnavailable if the cluster does not answer."""
        if name in self._in_cluster:
            return True
        if name in self._on_machine or not await self.is_used():
            return False
        return name in {each.name for each in await self._cluster.find()}

    async def probably_in_cluster(self, name: str) -> bool:
        """Return the same, and False if the cluster does not answer. Never raises."""
        try:
            return await self.is_in_cluster(name)
        except (RuntimeUnavailable, OSError):
            return False
