"""Answers about records: kept until the next write, and never longer."""

import asyncio

import pytest

from pvdify.api.kept_answers import LONGEST_KEPT, MOST_KEPT, RecordAnswers


class Records:
    """A store that counts its writes, and how often it was read."""

    def __init__(self) -> None:
        self.writes, self.reads = 0, 0
        self.value: object = "first"
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.answers = RecordAnswers(lambda: self.writes)

    async def read(self) -> object:
        self.reads += 1
        value = self.value
        await self.may_end.wait()
        return value

    async def answer(self, key: object = "key") -> bytes:
        return await self.answers.of(key, self.read)

    def write(self, value: object) -> None:
        self.value = value
        self.writes += 1


async def test_an_answer_is_made_once_until_the_next_write() -> None:
    records = Records()
    assert [await records.answer() for _ in range(3)] == [b'"first"'] * 3
    assert records.reads == 1

    records.write("second")

    assert [await records.answer() for _ in range(3)] == [b'"second"'] * 3
    assert records.reads == 2


async def test_a_reader_after_a_write_does_not_get_what_began_before_it() -> None:
    records = Records()
    records.may_end.clear()
    early = asyncio.create_task(records.answer())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert records.reads == 1

    records.write("second")
    late = asyncio.create_task(records.answer())
    records.may_end.set()

    assert (await early, await late) == (b'"first"', b'"second"')
    assert await records.answer() == b'"second"'
    assert records.reads == 2


async def test_an_error_is_not_kept() -> None:
    records = Records()

    async def fail() -> object:
        raise LookupError

    with pytest.raises(LookupError):
        await records.answers.of("key", fail)
    assert await records.answer() == b'"first"'


@pytest.mark.parametrize(("letters", "reads"), [(LONGEST_KEPT - 2, 1), (LONGEST_KEPT - 1, 2)])
async def test_a_long_answer_is_not_kept(letters: int, reads: int) -> None:
    records = Records()
    records.value = "x" * letters

    assert await records.answer() == await records.answer()

    assert records.reads == reads


async def test_no_more_than_the_limit_is_kept() -> None:
    records = Records()
    for number in range(MOST_KEPT + 1):
        await records.answer(number)

    for number in (0, MOST_KEPT - 1, MOST_KEPT):
        await records.answer(number)

    assert records.reads == MOST_KEPT + 2
