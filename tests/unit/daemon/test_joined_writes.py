"""When an answer is sent: whole if it is at hand, at once if it is large."""

import asyncio

from pvdify.daemon.joined_writes import MOST_HELD, JoinedWrites


class Recorded(asyncio.Transport):
    """Records what reaches the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def get_write_buffer_size(self) -> int:
        return 0


def joined() -> tuple[JoinedWrites, Recorded]:
    recorded = Recorded()
    return JoinedWrites(recorded, asyncio.get_running_loop()), recorded


async def test_writes_are_sent_together_when_they_are_flushed() -> None:
    writes, recorded = joined()
    writes.write(b"head")
    writes.write(b"body")
    assert writes.get_write_buffer_size() == 8

    writes.flush()
    await asyncio.sleep(0)

    assert recorded.sent == [b"headbody"]
    assert writes.get_write_buffer_size() == 0


async def test_a_piece_of_a_stream_waits_for_the_next_turn_only() -> None:
    writes, recorded = joined()
    writes.write(b"piece")
    assert recorded.sent == []

    await asyncio.sleep(0)
    writes.write(b"next")
    await asyncio.sleep(0)

    assert recorded.sent == [b"piece", b"next"]


async def test_a_stream_that_never_pauses_is_sent_in_pieces() -> None:
    writes, recorded = joined()

    for _ in range(4):
        writes.write(bytes(MOST_HELD // 2))

    assert [len(each) for each in recorded.sent] == [MOST_HELD, MOST_HELD]


async def test_what_was_written_before_a_close_is_sent() -> None:
    writes, recorded = joined()
    writes.write(b"last")

    writes.close()

    assert recorded.sent == [b"last"]
    assert recorded.is_closed


async def test_nothing_is_sent_after_an_abort() -> None:
    writes, recorded = joined()
    writes.write(b"lost")

    writes.abort()
    await asyncio.sleep(0)

    assert recorded.sent == []
    assert recorded.is_closed
