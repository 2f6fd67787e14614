"""Hide secrets in the output of one-off commands. Output without secrets is not changed in any byte."""

import asyncio
import codecs
from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType

from pvdify.engine.redaction.redactors import Redactors
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.model.redaction import Redactor
from pvdify.ports.attached import Attached, Inside, OneOffs

QUIET = 0.2  # seconds after which held-back text is shown in a terminal, where a user waits for it


class CleanOneOffs:
    """The ``one_offs`` port without secrets in output. Raises StoreUnavailable, too, if secrets cannot be read."""

    def __init__(self, one_offs: OneOffs, redactors: Redactors) -> None:
        self._port = one_offs
        self._redactors = redactors

    async def start(
        self, spec: InstanceSpec, terminal: TerminalSize | None, raw: Collection[Stream] = (),
        secrets: Mapping[str, str] = MappingProxyType({}),
    ) -> "CleanAttached":  # fmt: skip
        """Start a command, as the port does.

        ``raw``: the streams that are not redacted. ``secrets``: values by name, whose occurrences in these streams are
        counted.
        """
        redactor = await self._redactors.of(spec.app)
        attached = await self._port.start(spec, terminal)
        passing = {stream: PassedBytes(secrets) for stream in raw}
        return CleanAttached(attached, redactor, quiet=QUIET if terminal else None, passing=passing)


class CleanInside:
    """The ``inside`` port without secrets in the output of commands. Data of connections is not changed."""

    def __init__(self, inside: Inside, redactors: Redactors) -> None:
        self._port = inside
        self._redactors = redactors

    async def enter(
        self, spec: InstanceSpec, instance: str, terminal: TerminalSize | None, raw: Collection[Stream],
        secrets: Mapping[str, str],
    ) -> "CleanAttached":  # fmt: skip
        """Start a command in an instance, as the port does. ``raw``, ``secrets``: as for ``CleanOneOffs.start``."""
        redactor = await self._redactors.of(spec.app)
        attached = await self._port.enter(instance, spec.number, spec.command or "", terminal)
        passing = {stream: PassedBytes(secrets) for stream in raw}
        return CleanAttached(attached, redactor, quiet=QUIET if terminal else None, passing=passing)

    async def connect(self, app: str, instance: str, port: int) -> "CleanAttached":
        redactor = await self._redactors.of(app)
        passing = {Stream.STDOUT: PassedBytes({})}
        return CleanAttached(await self._port.connect(instance, port), redactor, quiet=None, passing=passing)


class CleanAttached:
    """The ``attached`` port without secrets in output.

    ``quiet``: seconds after which held-back text is passed on; None: it is held back until more output or the end.
    """

    def __init__(
        self, attached: Attached, redactor: Redactor, *, quiet: float | None,
        passing: "Mapping[Stream, PassedBytes]" = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._port = attached
        self._quiet = quiet
        self._passing = passing
        self._bytes = {stream: passing.get(stream) or CleanBytes(redactor) for stream in Stream}
        self._next: asyncio.Task[Output | None] | None = None
        self._is_over = False

    @property
    def passed(self) -> Counter[str]:
        """How often each secret occurred in the streams that are not redacted, by name."""
        return sum((each.counts for each in self._passing.values()), Counter())

    async def write(self, data: bytes) -> None:
        await self._port.write(data)

    async def close_input(self) -> None:
        await self._port.close_input()

    def resize(self, size: TerminalSize) -> None:
        self._port.resize(size)

    async def wait(self) -> int:
        return await self._port.wait()

    async def read(self) -> Output | None:
        while not self._is_over:
            self._next = self._next or asyncio.create_task(self._port.read())
            done, _ = await asyncio.wait({self._next}, timeout=self._quiet if self._is_holding else None)
            if not done:
                return self._rest()
            piece, self._next = self._next.result(), None
            if piece is None:
                self._is_over = True
            elif cleaned := self._bytes[piece.stream].feed(piece.data):
                return Output(stream=piece.stream, data=cleaned)
        return self._rest()

    async def end(self) -> None:
        if self._next is not None:
            self._next.cancel()
        await self._port.end()

    @property
    def _is_holding(self) -> bool:
        return any(held.is_holding for held in self._bytes.values())

    def _rest(self) -> Output | None:
        """Return the held-back text of one stream; None if no stream has any."""
        for stream, held in self._bytes.items():
            if text := held.end():
                return Output(stream=stream, data=text)
        return None


class PassedBytes:
    """Passes bytes on unchanged, and counts the secrets in them."""

    is_holding = False

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self.counts: Counter[str] = Counter()
        self._values = {name: value.encode("utf-8", "surrogatepass") for name, value in secrets.items()}
        self._kept = max(map(len, self._values.values()), default=1) - 1
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        """Count secrets, including those that are split over two pieces, and return the bytes unchanged."""
        seen = self._tail + data
        for name, value in self._values.items():
            self.counts[name] += seen.count(value) - self._tail.count(value)
        self._tail = seen[max(0, len(seen) - self._kept) :]
        return data

    def end(self) -> bytes:
        """Return no bytes: none are held back."""
        return b""


class CleanBytes:
    """Hides secrets in bytes that arrive in pieces. Bytes that are not UTF-8 are passed on unchanged."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._begin()

    @property
    def is_holding(self) -> bool:
        """Whether text is held back."""
        return self._stream.is_holding or bool(self._decoder.getstate()[0])

    def feed(self, data: bytes) -> bytes:
        """Add a piece, and return the bytes that can be passed on."""
        return _bytes(self._stream.feed(self._decoder.decode(data)))

    def end(self) -> bytes:
        """Return the held-back bytes, and begin a new text."""
        rest = _bytes(self._stream.feed(self._decoder.decode(b"", final=True)) + self._stream.end())
        self._begin()
        return rest

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._stream = self._redactor.stream()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
