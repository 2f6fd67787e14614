"""The ``inside`` port on a cluster: ``kubectl exec``, and connections through ``kubectl port-forward``."""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress

from pvdify.adapters.kubernetes.kubectl import AttachedKubectl, Kubectl
from pvdify.adapters.kubernetes.names import Scope
from pvdify.adapters.kubernetes.pods import Pod
from pvdify.adapters.kubernetes.watch import Watch
from pvdify.errors import NothingRuns, RuntimeUnavailable
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.ports.attached import Attached

FORWARD_SECONDS = 15.0  # the longest until kubectl forwards the port
REFUSED_SECONDS = 1.0  # how long kubectl may take to say why it closed a connection
LARGEST_PIECE = 64 * 1024  # bytes
REFUSED = 1  # the exit code if no program listens on the port
_FORWARDING = re.compile(rb"Forwarding from 127\.0\.0\.1:(\d+) ->")


class ClusterInside:
    """Commands and connections inside running pods. A command has the config vars with which the pod was started.

    The end of a command's client closes its input; the command itself decides what it does then.
    """

    def __init__(self, *, scope: Scope, watch: Watch, kubectl: Kubectl) -> None:
        self._scope, self._watch, self._kubectl = scope, watch, kubectl

    async def enter(
        self, instance: str, number: int, command: str | tuple[str, ...], terminal: TerminalSize | None
    ) -> Attached:
        """See the port. The API server keeps commands apart, so that their numbers are not needed."""
        del number
        pod = await self._running(instance)
        process = await self._kubectl.enter(self._namespace(pod), pod.name, command, terminal)

        async def code(of_kubectl: int) -> int:
            return of_kubectl

        async def finish() -> None:
            await process.close_input()

        return AttachedKubectl(process, code=code, finish=finish)

    async def connect(self, instance: str, port: int) -> Attached:
        pod = await self._running(instance)
        kubectl = await self._kubectl.forward(self._namespace(pod), pod.name, port)
        try:
            async with asyncio.timeout(FORWARD_SECONDS):
                here = await _forwarded(kubectl)
            reader, writer = await asyncio.open_connection("127.0.0.1", here)
        except (TimeoutError, OSError) as error:
            await kubectl.end()
            raise RuntimeUnavailable(
                f"{instance} cannot be connected to", why=f"kubectl forwards no port: {error or 'no answer'}",
                next="`kubectl cluster-info` shows whether the cluster answers",
            ) from error  # fmt: skip
        except BaseException:
            await kubectl.end()
            raise
        return _Connection(kubectl, reader, writer, port)

    async def _running(self, instance: str) -> Pod:
        await self._watch.begin()
        pod = next((each for each in self._watch.of(instance) if each.is_up and not each.is_ending), None)
        if pod is None:
            raise NothingRuns(f"{instance} does not run any more", next="`pvdify ps` shows what runs")
        return pod

    def _namespace(self, pod: Pod) -> str:
        return self._scope.namespace(pod.identity.app)


async def _forwarded(kubectl: Attached) -> int:
    """Return the port that kubectl forwards. Raises OSError with kubectl's words if it does not."""
    said = b""
    while (piece := await kubectl.read()) is not None:
        said += piece.data
        if match := _FORWARDING.search(said):
            return int(match[1])
    raise OSError(said.decode(errors="replace").strip()[-300:] or "it ended")


class _Connection:
    """A TCP connection to kubectl, which passes it on into the pod."""

    def __init__(
        self, kubectl: Attached, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int
    ) -> None:  # fmt: skip
        self._kubectl, self._reader, self._writer, self._port = kubectl, reader, writer, port
        self._words: asyncio.Queue[bytes] = asyncio.Queue()
        self._listening = asyncio.create_task(_all_words(kubectl, self._words.put_nowait))
        self._has_data = self._was_refused = False
        self._over = asyncio.Event()

    async def read(self) -> Output | None:
        if self._over.is_set():
            return None
        try:
            data = await self._reader.read(LARGEST_PIECE)
        except OSError:
            data = b""
        if data:
            self._has_data = True
            return Output(stream=Stream.STDOUT, data=data)
        self._was_refused = not self._has_data and await self._says_refused()
        self._over.set()
        if self._was_refused:
            return Output(stream=Stream.STDERR, data=f"port {self._port}: connection refused\n".encode())
        return None

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        with suppress(OSError):
            await self._writer.drain()

    async def close_input(self) -> None:
        with suppress(OSError, RuntimeError):
            self._writer.write_eof()

    def resize(self, size: TerminalSize) -> None:
        """A connection has no terminal."""

    async def wait(self) -> int:
        await self._over.wait()
        return REFUSED if self._was_refused else 0

    async def end(self) -> None:
        self._over.set()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        await self._kubectl.end()

    async def _says_refused(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(REFUSED_SECONDS):
                while True:
                    if b"refused" in await self._words.get():
                        return True
        return False


async def _all_words(kubectl: Attached, take: Callable[[bytes], None]) -> None:
    """Read what kubectl writes, as it stops when its output is full."""
    while (piece := await kubectl.read()) is not None:
        take(piece.data)
