from hypothesis import given
from hypothesis import strategies as st

from pvdify.engine.redaction.one_offs import CleanAttached, CleanBytes
from pvdify.model.one_off import Output, Stream, TerminalSize
from pvdify.model.redaction import Redactor
from tests.fakes.one_offs import FakeProcess

VALUE = "correct-hörse-battery"


@given(data=st.binary(max_size=60), cut=st.integers(0, 60))
def test_bytes_without_secrets_are_unchanged(data: bytes, cut: int) -> None:
    clean = CleanBytes(Redactor([VALUE]))

    cleaned = clean.feed(data[:cut]) + clean.feed(data[cut:]) + clean.end()

    assert cleaned == data


@given(before=st.binary(max_size=9), after=st.binary(max_size=9), cuts=st.lists(st.integers(0, 45), max_size=5))
def test_a_secret_is_hidden_wherever_the_bytes_are_split(before: bytes, after: bytes, cuts: list[int]) -> None:
    data = before + b"\n" + VALUE.encode() + b"\n" + after
    clean, cleaned, at = CleanBytes(Redactor([VALUE])), b"", 0
    for cut in [*sorted(cuts), len(data)]:
        cleaned += clean.feed(data[at:cut])
        at = max(at, cut)

    cleaned += clean.end()

    assert cleaned == before + b"\n***\n" + after


async def test_a_possible_beginning_of_a_secret_is_held_back_until_more_output_or_the_end() -> None:
    process = FakeProcess(None)
    attached = CleanAttached(process, Redactor([VALUE]), quiet=None)
    for text in ("key: correct-", "hörse-battery", " and corr"):
        process.say(text)
    process.exit(0)

    cleaned = []
    while (piece := await attached.read()) is not None:
        cleaned.append(piece.data.decode())

    assert "".join(cleaned) == "key: *** and corr"
    assert (cleaned[0], cleaned[-1]) == ("key: ", "corr")


async def test_an_idle_terminal_shows_the_held_back_output() -> None:
    process = FakeProcess(TerminalSize(rows=24, columns=80))
    attached = CleanAttached(process, Redactor([VALUE]), quiet=0.01)
    process.say("$ c", Stream.STDOUT)

    cleaned = [await attached.read(), await attached.read()]

    assert cleaned == [Output(stream=Stream.STDOUT, data=b"$ "), Output(stream=Stream.STDOUT, data=b"c")]
    process.exit(0)
    assert await attached.read() is None
