import asyncio

from hypothesis import given
from hypothesis import strategies as st

from pvdify.engine.redaction.one_offs import CleanAttached, CleanBytes
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.model.redaction import Redactor
from tests.fakes.one_offs import FakeProcess

VALUE = "correct-hörse-battery"


@given(data=st.binary(max_size=60), cut=st.integers(0, 60))
def test_bytes_without_secrets_pass_as_they_are(data: bytes, cut: int) -> None:
    clean = CleanBytes(Redactor([VALUE]))

    told = clean.feed(data[:cut]) + clean.feed(data[cut:]) + clean.end()

    assert told == data


@given(before=st.binary(max_size=9), after=st.binary(max_size=9), cuts=st.lists(st.integers(0, 45), max_size=5))
def test_a_secret_is_hidden_wherever_the_bytes_are_cut(before: bytes, after: bytes, cuts: list[int]) -> None:
    data = before + b"\n" + VALUE.encode() + b"\n" + after
    clean, told, at = CleanBytes(Redactor([VALUE])), b"", 0
    for cut in [*sorted(cuts), len(data)]:
        told += clean.feed(data[at:cut])
        at = max(at, cut)

    told += clean.end()

    assert told == before + b"\n***\n" + after


async def test_what_might_go_on_to_be_a_secret_is_reported_with_what_follows_or_at_the_end() -> None:
    process = FakeProcess(None)
    attached = CleanAttached(process, Redactor([VALUE]), quiet=None)
    for text in ("key: correct-", "hörse-battery", " and corr"):
        process.say(text)
    process.exit(0)

    told = []
    while (piece := await attached.read()) is not None:
        told.append(piece.data.decode())

    assert "".join(told) == "key: *** and corr"
    assert (told[0], told[-1]) == ("key: ", "corr")


async def test_a_terminal_that_is_quiet_shows_what_was_held_back() -> None:
    process = FakeProcess(TerminalSize(rows=24, columns=80))
    attached = CleanAttached(process, Redactor([VALUE]), quiet=0.01)
    process.say("$ c", Stream.STDOUT)

    told = [await asyncio.wait_for(attached.read(), 5), await asyncio.wait_for(attached.read(), 5)]

    assert told == [Output(stream=Stream.STDOUT, data=b"$ "), Output(stream=Stream.STDOUT, data=b"c")]
    process.exit(0)
    assert await attached.read() is None
