"""The state of this server's pods, from one watch of the API server, or as it was when that server went away.

Implements the ``container_changes`` port, too.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog

from pvdify.adapters.kubernetes import pods
from pvdify.adapters.kubernetes.cluster import Cluster, Json, Refused
from pvdify.adapters.kubernetes.names import Scope
from pvdify.adapters.kubernetes.pods import Pod
from pvdify.errors import PvdifyError, RuntimeUnavailable
from pvdify.ports.clock import Clock
from pvdify.timing import BackOff

log = structlog.get_logger()
WATCH_SECONDS = 240  # after which the API server ends a watch, and the next one begins
SILENCE = 300.0  # seconds after which a watch counts as broken
PAUSE = 1.0  # seconds before the API server is asked again while it is away
SHORT_SECONDS = 10.0  # a watch that ends sooner, without an event, has failed
BACK_OFF = BackOff(first=0.1, longest=30.0)  # before the next watch after such a one
LONGEST_EVENT = 4 * 1024 * 1024  # bytes


class Watch:
    """The pods of one server, always as in the last report of the watch.

    Args:
        cluster: the API server.
        scope: this server's share of the cluster.
        clock: the time.
        on_pod: called with each pod that is new or has changed.
    """

    def __init__(self, *, cluster: Cluster, scope: Scope, clock: Clock, on_pod: Callable[[Pod], None]) -> None:
        self._cluster, self._scope, self._clock, self._on_pod = cluster, scope, clock, on_pod
        self._pods: dict[str, dict[str, Pod]] = {}
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._opening = asyncio.Lock()
        self._changed = asyncio.Event()
        self._is_open = self._has_news = False

    @property
    def is_reporting(self) -> bool:
        """Whether the API server reports changes now."""
        return self._is_open and self._task is not None and not self._task.done()

    async def wait(self) -> None:
        """See ``ports.container_changes``: pods are made and removed by controllers, too."""
        while True:
            try:
                await self.begin()
                break
            except RuntimeUnavailable as error:
                log.warning("cluster.away", why=error.why)
                await self._clock.sleep(PAUSE)
        await self._changed.wait()
        self._changed.clear()

    async def begin(self) -> None:
        """Begin to watch, unless it watches already. Raises RuntimeUnavailable."""
        async with self._opening:
            if self._task is None or self._task.done():
                version = await self._list()
                self._task = asyncio.create_task(self._run(version))

    def of(self, instance: str) -> tuple[Pod, ...]:
        """Return the instance's pods, as in the last report."""
        return tuple(self._pods.get(instance, {}).values())

    def all(self) -> tuple[Pod, ...]:
        """Return all pods, as in the last report."""
        return tuple(pod for each in self._pods.values() for pod in each.values())

    def current(self, instance: str) -> Pod | None:
        """Return the pod that is the instance now, as in the last report."""
        return pods.current(self.of(instance))

    async def fetch(self, app: str | None = None) -> tuple[Pod, ...]:
        """Ask for the pods now, of one app if given. Raises RuntimeUnavailable."""
        selector = self._scope.selector() if app is None else self._scope.selector(app=app)
        return _read(await self._cluster.objects(self._scope.everywhere("pods"), selector))

    async def change(self, instance: str, within: float) -> None:
        """Wait until a pod of the instance has changed, at most this many seconds."""
        event = asyncio.Event()
        self._waiting[instance].add(event)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await event.wait()
        finally:
            self._waiting[instance].discard(event)
            if not self._waiting[instance]:
                del self._waiting[instance]

    async def close(self) -> None:
        """End the watch."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self, version: str) -> None:
        failures = 0
        while True:
            self._has_news, begun = False, self._clock.monotonic()
            try:
                await self._follow(version)
            except (PvdifyError, Refused, ValueError, TimeoutError) as error:
                log.info("cluster.watch_broken", why=str(error))
            finally:
                self._is_open = False
            is_short = not self._has_news and self._clock.monotonic() - begun < SHORT_SECONDS
            failures = failures + 1 if is_short else 0
            if failures:
                await self._clock.sleep(BACK_OFF.pause(failures))
            while True:
                try:
                    version = await self._list()
                    break
                except RuntimeUnavailable as error:
                    log.warning("cluster.away", why=error.why)
                    await self._clock.sleep(PAUSE)

    async def _list(self) -> str:
        documents, version = await self._cluster.listing(self._scope.everywhere("pods"), self._scope.selector())
        found = _read(documents)
        known = {pod.uid for pod in found}
        for gone in [pod for pod in self.all() if pod.uid not in known]:
            self._drop(gone)
        for pod in found:
            self._put(pod)
        return version

    async def _follow(self, version: str) -> None:
        params = {
            "watch": "true", "labelSelector": self._scope.selector(), "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS), "allowWatchBookmarks": "true",
        }  # fmt: skip
        rest = b""
        async with asyncio.timeout(SILENCE), self._cluster.stream(self._scope.everywhere("pods"), params) as pieces:
            self._is_open = True
            self._changed.set()
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in filter(None, lines):
                    self._take(json.loads(line))
                if len(rest) > LONGEST_EVENT:
                    raise ValueError("an event of the watch is too long")

    def _take(self, event: Json) -> None:
        kind, document = event.get("type"), event.get("object") or {}
        if kind == "ERROR":
            raise ValueError(str(document.get("message") or "the watch ended"))
        self._has_news = True
        pod = None if kind == "BOOKMARK" else pods.read(document)
        if pod is None:
            return
        if kind == "DELETED":
            self._drop(pod)
        else:
            self._put(pod)

    def _put(self, pod: Pod) -> None:
        of_instance = self._pods.setdefault(pod.identity.name, {})
        if of_instance.get(pod.uid) == pod:
            return
        if pod.uid not in of_instance:
            self._changed.set()
        of_instance[pod.uid] = pod
        self._on_pod(pod)
        self._wake(pod.identity.name)

    def _drop(self, pod: Pod) -> None:
        of_instance = self._pods.get(pod.identity.name, {})
        if of_instance.pop(pod.uid, None) is not None:
            self._changed.set()
        if not of_instance:
            self._pods.pop(pod.identity.name, None)
        self._wake(pod.identity.name)

    def _wake(self, instance: str) -> None:
        for event in self._waiting.get(instance, ()):
            event.set()


def _read(documents: Iterable[Json]) -> tuple[Pod, ...]:
    return tuple(pod for pod in map(pods.read, documents) if pod is not None)
