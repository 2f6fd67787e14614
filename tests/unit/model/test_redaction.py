import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvdify.model.redaction import Redactor, clean_of_all

# few characters, so that secrets overlap, repeat, and begin inside each other
SECRETS = st.lists(st.text(alphabet="ab/é\n", min_size=6, max_size=12), min_size=1, max_size=4)
TEXTS = st.text(alphabet="ab/é\n", max_size=60)
LONG = "correct-horse-battery"


def in_braces(text: str) -> str:
    """As Perl and Rust write characters."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)


def test_text_without_secrets_comes_out_as_the_same_object() -> None:
    text = "GET /health 200 ü"

    told = Redactor([LONG]).clean(text)

    assert told is text


@pytest.mark.slow
@given(secrets=st.lists(st.text(min_size=6, max_size=20), max_size=4), text=st.text(max_size=40))
def test_only_secrets_change_a_text(secrets: list[str], text: str) -> None:
    redactor = Redactor(secrets)

    told = redactor.clean(text)

    assert (told == text) == (redactor.clean(f"{text}") == text)
    assert redactor.clean(told) == told


@given(secrets=SECRETS, parts=st.lists(st.one_of(TEXTS, st.integers(0, 3)), max_size=8))
def test_no_secret_comes_out_of_text_made_of_secrets(secrets: list[str], parts: list[str | int]) -> None:
    text = "".join(secrets[part % len(secrets)] if isinstance(part, int) else part for part in parts)

    told = Redactor(secrets).clean(text)

    assert not [secret for secret in secrets if secret in told]


@given(secrets=SECRETS, pieces=st.lists(st.one_of(TEXTS, st.integers(0, 3)), max_size=8), cuts=st.data())
def test_text_in_pieces_is_reported_as_the_whole_would_be(
    secrets: list[str], pieces: list[str | int], cuts: st.DataObject
) -> None:
    redactor = Redactor(secrets)
    text = "".join(secrets[piece % len(secrets)] if isinstance(piece, int) else piece for piece in pieces)
    stream, told, at = redactor.stream(), "", 0
    while at < len(text):
        end = at + cuts.draw(st.integers(1, 9))
        told += stream.feed(text[at:end])
        assert not [secret for secret in secrets if secret in told]
        at = end

    told += stream.end()

    assert told == redactor.clean(text)


def test_a_piece_is_reported_at_once_when_nothing_of_a_secret_has_begun() -> None:
    stream = Redactor([LONG]).stream()

    told = [stream.feed("first line\n"), stream.feed("then cor"), stream.feed("rect-horse-battery!"), stream.feed("c")]

    assert told == ["first line\n", "then ", "***!", ""]
    assert stream.end() == "c"


def test_a_stream_that_repeats_a_secret_for_ever_is_reported_without_being_kept() -> None:
    stream = Redactor(["======"]).stream()

    told = [stream.feed("=" * 1000) for _ in range(50)]

    assert "".join(told) + stream.end() == "***"


def test_secrets_that_overlap_are_hidden_together() -> None:
    redactor = Redactor(["abcdefgh", "efghijkl", "fghi-x"])

    told = redactor.clean("<abcdefghijkl>")

    assert told == "<***>"


def test_two_ends_that_hiding_brings_together_are_hidden_too() -> None:
    redactor = Redactor(["passphrase", "left***right"])

    told = redactor.clean("leftpassphraseright")

    assert told == "***"


def test_half_a_surrogate_pair_does_not_stop_it() -> None:
    told = Redactor([LONG]).clean(f"\ud800 {LONG}")

    assert told.endswith(" ***")


def test_a_redactor_reveals_nothing_of_what_it_knows() -> None:
    redactor = Redactor([LONG])

    shown = repr(redactor)

    assert shown == "Redactor(of 1 values)"


def test_values_can_be_added_and_known_ones_cost_nothing() -> None:
    first = Redactor([LONG])

    more, same = first.with_values([LONG, "another-one"]), first.with_values([LONG])

    assert more.clean(f"{LONG} another-one") == "*** ***"
    assert same is first


def test_no_secrets_hide_nothing() -> None:
    told = Redactor([]).clean("anything")

    assert told == "anything"


@pytest.mark.slow
@pytest.mark.parametrize("value", [LONG, "pa'ss\"w<o>r&d:9/=+é", "x" * 40 + "Ab3" * 60])
@pytest.mark.parametrize(
    "encode", [str, json.dumps, quote, in_braces, lambda text: base64.b64encode(text.encode()).decode()]
)
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_a_written_secret_cut_anywhere_gives_nothing_away(
    encode: Callable[[str], str], value: str, cuts: list[int]
) -> None:
    written = encode(value).strip('"')
    stream, told, at = Redactor([value]).stream(), "", 0
    for cut in [*sorted(cuts), len(written)]:
        told += stream.feed(written[at:cut])
        at = max(at, cut)

    told += stream.end()

    assert len(told) <= len("***") + 5, told


def test_the_rest_of_a_secret_that_was_reported_too_early_is_hidden() -> None:
    stream = Redactor([LONG]).stream()

    told = stream.feed("key correct-h") + stream.end()
    told += stream.feed("orse-battery, done\n")

    assert told == "key correct-h***, done\n"


def test_one_search_serves_the_values_of_all_apps() -> None:
    redactors = [Redactor([LONG]), Redactor(["another-one"]), Redactor([])]

    told = clean_of_all(redactors, f"{LONG} and another-one")

    assert told == "*** and ***"
    assert clean_of_all(redactors, "nothing") == "nothing"


@pytest.mark.slow
def test_values_added_one_by_one_are_all_found() -> None:
    values = [f"value-{number}-{''.join(map(str, range(number, number + 900)))}" for number in range(60)]
    redactor = Redactor([])
    for value in values:
        redactor = redactor.with_values([value])

    told = [redactor.clean(f"<{value}>") for value in values]

    assert told == ["<***>"] * len(values)


@pytest.mark.parametrize("secret", ["s3cr3t-värde", "Tr0ub4dor&3xyz"])
def test_characters_in_braces_are_read(secret: str) -> None:
    assert Redactor([secret]).clean(f'print "{in_braces(secret)}"') == 'print "***"'
