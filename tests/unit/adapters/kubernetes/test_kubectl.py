from pvdify.adapters.kubernetes.inspector import SIZES, listeners_in, quantity
from pvdify.adapters.kubernetes.kubectl import AttachedKubectl
from pvdify.model.instance import Listener
from pvdify.model.one_off import Output, Stream, TerminalSize

VERDICT = b"command terminated with exit code 7\n"


class Said:
    """An ended program that wrote these chunks."""

    def __init__(self, *pieces: tuple[Stream, bytes]) -> None:
        self._pieces = [Output(stream=stream, data=data) for stream, data in pieces]

    async def read(self) -> Output | None:
        return self._pieces.pop(0) if self._pieces else None

    async def write(self, data: bytes) -> None: ...

    async def close_input(self) -> None: ...

    def resize(self, size: TerminalSize) -> None: ...

    async def wait(self) -> int:
        return 7

    async def end(self) -> None: ...


async def all_of(*pieces: tuple[Stream, bytes]) -> dict[Stream, bytes]:
    async def code(of_kubectl: int) -> int:
        return of_kubectl

    async def finish() -> None: ...

    process = AttachedKubectl(Said(*pieces), code=code, finish=finish)
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}
    while (piece := await process.read()) is not None:
        said[piece.stream] += piece.data
    assert await process.wait() == 7
    return said


async def test_the_status_line_of_kubectl_is_not_output_of_the_command():
    said = await all_of((Stream.STDOUT, b"said\n"), (Stream.STDERR, b"failed\n"), (Stream.STDERR, VERDICT))

    assert said == {Stream.STDOUT: b"said\n", Stream.STDERR: b"failed\n"}


async def test_the_status_line_is_found_in_pieces_and_after_other_output():
    said = await all_of((Stream.STDERR, b"failed\ncommand termi"), (Stream.STDERR, VERDICT[13:]))

    assert said[Stream.STDERR] == b"failed\n"


async def test_output_that_only_begins_like_the_status_line_is_kept():
    words = b"command terminated by a shark\n"

    assert (await all_of((Stream.STDERR, words)))[Stream.STDERR] == words


def test_sockets_of_both_families_are_read_and_only_those_that_listen():
    lines = (
        "  sl  local_address rem_address   st",
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000",
        "   1: 00000000:0050 00000000:0000 0A 00000000:00000000",
        "   2: 0100007F:A1B2 0100007F:1F90 01 00000000:00000000",
        "   0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 0",
    )

    assert listeners_in(lines) == (
        Listener(address="0.0.0.0", port=80), Listener(address="127.0.0.1", port=8080),
        Listener(address="::1", port=8081),
    )  # fmt: skip


def test_quantities_are_read():
    assert quantity("12Mi", SIZES) == 12 * 1024**2
    assert quantity("1000", SIZES) == 1000
