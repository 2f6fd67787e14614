"""What one-off commands write, without secrets, byte for byte as it was where there are none."""

import asyncio
import codecs
from typing import Any, cast

from pvdify.engine.redaction.redactors import Redactors
from pvdify.model.instance import InstanceSpec
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.model.redaction import Redactor
from pvdify.ports.attached import Attached, OneOffs

QUIET = 0.2  # seconds after which a terminal shows what might go on to be a secret: a person waits for it


class CleanOneOffs:
    """The ``one_offs`` port. Raises StoreUnavailable too: secrets cannot be read, so output could not be told."""

    def __init__(self, one_offs: OneOffs, redactors: Redactors) -> None:
        self._port = one_offs
        self._redactors = redactors

    async def start(self, spec: InstanceSpec, terminal: TerminalSize | None) -> Attached:
        """See the port."""
        redactor = await self._redactors.of(spec.app)
        attached = await self._port.start(spec, terminal)
        return cast("Attached", CleanAttached(attached, redactor, quiet=QUIET if terminal else None))


class CleanAttached:
    """The ``attached`` port; what is not written here goes to the program as it is.

    ``quiet``: seconds after which what is held back is told although more may come; None: not before more comes.
    """

    def __init__(self, attached: Attached, redactor: Redactor, *, quiet: float | None) -> None:
        self._port = attached
        self._quiet = quiet
        self._bytes = {stream: CleanBytes(redactor) for stream in Stream}
        self._next: asyncio.Task[Output | None] | None = None
        self._is_over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)

    async def read(self) -> Output | None:
        """See the port."""
        while not self._is_over:
            self._next = self._next or asyncio.create_task(self._port.read())
            done, _ = await asyncio.wait({self._next}, timeout=self._quiet if self._is_holding else None)
            if not done:
                return self._rest()
            piece, self._next = self._next.result(), None
            if piece is None:
                self._is_over = True
            elif told := self._bytes[piece.stream].feed(piece.data):
                return Output(stream=piece.stream, data=told)
        return self._rest()

    async def end(self) -> None:
        """See the port."""
        if self._next is not None:
            self._next.cancel()
        await self._port.end()

    @property
    def _is_holding(self) -> bool:
        return any(held.is_holding for held in self._bytes.values())

    def _rest(self) -> Output | None:
        """What is held back of one stream; None when nothing is."""
        for stream, held in self._bytes.items():
            if told := held.end():
                return Output(stream=stream, data=told)
        return None


class CleanBytes:
    """Hides secrets in bytes that come in pieces; what is no UTF-8 passes as it is."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._begin()

    @property
    def is_holding(self) -> bool:
        """Whether something was not told yet."""
        return self._stream.is_holding or bool(self._decoder.getstate()[0])

    def feed(self, data: bytes) -> bytes:
        """What can be told after this piece."""
        return _bytes(self._stream.feed(self._decoder.decode(data)))

    def end(self) -> bytes:
        """The rest; what comes after it is a text of its own."""
        told = _bytes(self._stream.feed(self._decoder.decode(b"", final=True)) + self._stream.end())
        self._begin()
        return told

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._stream = self._redactor.stream()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
