"""The last answers of the container runtime, for readers that must not wait for a runtime that hangs."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pvdify.errors import RuntimeUnavailable
from pvdify.model.image import ImagesOnDisk
from pvdify.model.instance import FoundInstance
from pvdify.ports.clock import Clock
from pvdify.ports.images import Images
from pvdify.ports.instances import Instances

PATIENCE = 2.0  # seconds to wait for an answer; podman takes 0.1 s on a busy server
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class KnownInstances:
    """Instances, and when the runtime reported them.

    ``is_late``: the runtime hangs, and this is an earlier answer. ``at``: None if it has not answered since pvdifyd
    started.
    """

    instances: tuple[FoundInstance, ...] = ()
    at: datetime | None = None
    is_late: bool = False


class RuntimeQueries:
    """Asks the runtime, and returns the last answer if it hangs. While a question hangs, no other one is sent."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        self._all = KnownInstances(is_late=True)
        self._images: Mapping[str, ImagesOnDisk] = {}
        self._hanging: dict[asyncio.Task[Any], datetime] = {}

    @property
    def late_since(self) -> datetime | None:
        """When the oldest hanging question was sent; None while the runtime answers."""
        return min(self._hanging.values(), default=None)

    @property
    def known_at(self) -> datetime | None:
        """When the runtime last reported all instances; None if it has not since pvdifyd started."""
        return self._all.at

    @property
    def known(self) -> KnownInstances:
        """The last report of all instances, without asking the runtime."""
        return self._all

    def note(self, instances: tuple[FoundInstance, ...], at: datetime) -> None:
        """Remember a report of all instances."""
        self._all = KnownInstances(instances=instances, at=at)

    async def instances(self, instances: Instances, clock: Clock, app: str | None = None) -> KnownInstances:
        """Return all instances, or those of an app; the last known ones if the runtime hangs.

        Raises RuntimeUnavailable.
        """
        found = await self._ask(lambda: instances.find(app), clock)
        if found is None:
            known = self._all
            mine = tuple(each for each in known.instances if app in (None, each.app))
            return KnownInstances(instances=mine, at=known.at, is_late=True)
        if app is None:
            self.note(found, clock.now())
        return KnownInstances(instances=found, at=clock.now())

    async def images(self, images: Images, clock: Clock) -> Mapping[str, ImagesOnDisk]:
        """Return the disk use of images; the last known one if the runtime hangs. Raises RuntimeUnavailable."""
        found = await self._ask(images.disk, clock)
        self._images = self._images if found is None else found
        return self._images

    async def _ask(self, question: Callable[[], Coroutine[Any, Any, T]], clock: Clock) -> T | None:
        if self._hanging:
            return None
        begun = clock.now()
        answer = asyncio.ensure_future(question())
        try:
            await asyncio.wait({answer}, timeout=self.patience)
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if answer.done():
            return answer.result()
        self._hanging[answer] = begun
        answer.add_done_callback(self._answered)
        return None

    def _answered(self, answer: "asyncio.Task[Any]") -> None:
        del self._hanging[answer]
        if not answer.cancelled():
            answer.exception()  # retrieve the error, so that asyncio does not log it; the next request asks again


def hangs(runtime_queries: RuntimeQueries, now: datetime) -> RuntimeUnavailable:
    """Return the error for a runtime that hangs: for how long, and from when the last known state is."""
    since, known = runtime_queries.late_since, runtime_queries.known_at
    seconds = (now - since).total_seconds() if since else 0.0
    return RuntimeUnavailable(
        f"the container runtime has not answered for {seconds:.0f} s",
        why=f"what is shown of containers is from {known:%H:%M:%S} UTC" if known else "nothing of it is known yet",
        next="`pvdify doctor` on the server checks the runtime; running apps keep running",
    )
