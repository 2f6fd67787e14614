import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvdify.model.redaction import Redactor, clean_of_all
from pvdify.wire.terminal_text import shown_at_terminal

# few characters, so that secrets overlap, repeat, and begin inside each other
SECRETS = st.lists(st.text(alphabet="ab/é\n", min_size=6, max_size=12), min_size=1, max_size=4)
TEXTS = st.text(alphabet="ab/é\n", max_size=60)
LONG = "correct-horse-battery"


def in_braces(text: str) -> str:
    """Write characters as Perl and Rust do."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)


def test_text_without_secrets_is_returned_as_the_same_object() -> None:
    text = "GET /health 200 ü"

    cleaned = Redactor([LONG]).clean(text)

    assert cleaned is text


@pytest.mark.slow
@given(secrets=st.lists(st.text(min_size=6, max_size=20), max_size=4), text=st.text(max_size=40))
def test_only_secrets_change_a_text(secrets: list[str], text: str) -> None:
    redactor = Redactor(secrets)

    cleaned = redactor.clean(text)

    assert (cleaned == text) == (redactor.clean(f"{text}") == text)
    assert redactor.clean(cleaned) == cleaned


@given(secrets=SECRETS, parts=st.lists(st.one_of(TEXTS, st.integers(0, 3)), max_size=8))
def test_no_secret_remains_in_text_made_of_secrets(secrets: list[str], parts: list[str | int]) -> None:
    text = "".join(secrets[part % len(secrets)] if isinstance(part, int) else part for part in parts)

    cleaned = Redactor(secrets).clean(text)

    assert not [secret for secret in secrets if secret in cleaned]


@given(secrets=SECRETS, pieces=st.lists(st.one_of(TEXTS, st.integers(0, 3)), max_size=8), cuts=st.data())
def test_text_in_chunks_is_redacted_like_the_whole_text(
    secrets: list[str], pieces: list[str | int], cuts: st.DataObject
) -> None:
    redactor = Redactor(secrets)
    text = "".join(secrets[piece % len(secrets)] if isinstance(piece, int) else piece for piece in pieces)
    stream, cleaned, at = redactor.stream(), "", 0
    while at < len(text):
        end = at + cuts.draw(st.integers(1, 9))
        cleaned += stream.feed(text[at:end])
        assert not [secret for secret in secrets if secret in cleaned]
        at = end

    cleaned += stream.end()

    assert cleaned == redactor.clean(text)


def test_a_chunk_is_passed_on_at_once_if_no_secret_has_begun() -> None:
    stream = Redactor([LONG]).stream()

    cleaned = [
        stream.feed("first line\n"),
        stream.feed("then cor"),
        stream.feed("rect-horse-battery!"),
        stream.feed("c"),
    ]

    assert cleaned == ["first line\n", "then ", "***!", ""]
    assert stream.end() == "c"


def test_an_endless_repetition_of_a_secret_is_not_buffered() -> None:
    stream = Redactor(["======"]).stream()

    cleaned = [stream.feed("=" * 1000) for _ in range(50)]

    assert "".join(cleaned) + stream.end() == "***"


def test_secrets_that_overlap_are_hidden_together() -> None:
    redactor = Redactor(["abcdefgh", "efghijkl", "fghi-x"])

    cleaned = redactor.clean("<abcdefghijkl>")

    assert cleaned == "<***>"


def test_a_secret_formed_by_redaction_of_another_is_hidden() -> None:
    redactor = Redactor(["passphrase", "left***right"])

    cleaned = redactor.clean("leftpassphraseright")

    assert cleaned == "***"


def test_a_lone_surrogate_does_not_stop_redaction() -> None:
    cleaned = Redactor([LONG]).clean(f"\ud800 {LONG}")

    assert cleaned.endswith(" ***")


def test_the_repr_of_a_redactor_contains_no_secret() -> None:
    redactor = Redactor([LONG])

    shown = repr(redactor)

    assert shown == "Redactor(of 1 values)"


def test_values_can_be_added_and_known_ones_cost_nothing() -> None:
    first = Redactor([LONG])

    more, same = first.with_values([LONG, "another-one"]), first.with_values([LONG])

    assert more.clean(f"{LONG} another-one") == "*** ***"
    assert same is first


def test_no_secrets_hide_nothing() -> None:
    cleaned = Redactor([]).clean("anything")

    assert cleaned == "anything"


@pytest.mark.slow
@pytest.mark.parametrize("value", [LONG, "pa'ss\"w<o>r&d:9/=+é", "x" * 40 + "Ab3" * 60])
@pytest.mark.parametrize(
    "encode", [str, json.dumps, quote, in_braces, lambda text: base64.b64encode(text.encode()).decode()]
)
@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_an_encoded_secret_split_anywhere_is_hidden(encode: Callable[[str], str], value: str, cuts: list[int]) -> None:
    written = encode(value).strip('"')
    stream, cleaned, at = Redactor([value]).stream(), "", 0
    for cut in [*sorted(cuts), len(written)]:
        cleaned += stream.feed(written[at:cut])
        at = max(at, cut)

    cleaned += stream.end()

    assert len(cleaned) <= len("***") + 5, cleaned


def test_the_rest_of_a_secret_flushed_early_is_hidden() -> None:
    stream = Redactor([LONG]).stream()

    cleaned = stream.feed("key correct-h") + stream.end()
    cleaned += stream.feed("orse-battery, done\n")

    assert cleaned == "key correct-h***, done\n"


def test_one_search_finds_the_values_of_all_apps() -> None:
    redactors = [Redactor([LONG]), Redactor(["another-one"]), Redactor([])]

    cleaned = clean_of_all(redactors, f"{LONG} and another-one")

    assert cleaned == "*** and ***"
    assert clean_of_all(redactors, "nothing") == "nothing"


@pytest.mark.slow
def test_values_added_one_by_one_are_all_found() -> None:
    values = [f"value-{number}-{''.join(map(str, range(number, number + 900)))}" for number in range(60)]
    redactor = Redactor([])
    for value in values:
        redactor = redactor.with_values([value])

    cleaned = [redactor.clean(f"<{value}>") for value in values]

    assert cleaned == ["<***>"] * len(values)


@pytest.mark.parametrize("secret", ["s3cr3t-värde", "Tr0ub4dor&3xyz"])
def test_characters_in_braces_are_read(secret: str) -> None:
    assert Redactor([secret]).clean(f'print "{in_braces(secret)}"') == 'print "***"'


# what a terminal or a page does not show, and parts of its sequences
UNSHOWN = st.text(
    alphabet="\0\x01\x07\x08\x1b\x7f\x84\x90\x9b\x9c\x9d\u061c\u200e\u202a\u2066[]P?0;m/K\\x ", max_size=8
)


@given(at=st.integers(1, len(LONG) - 1), unshown=UNSHOWN, more=UNSHOWN, with_colors=st.booleans())
def test_a_secret_is_not_shown_where_a_sink_removes_what_is_inside_it(
    at: int, unshown: str, more: str, with_colors: bool
) -> None:
    text = f"{more}{LONG[:at]}{unshown}{LONG[at:]}{more}"

    cleaned = Redactor([LONG]).clean(text)

    assert LONG not in shown_at_terminal(cleaned, with_colors=with_colors)


@pytest.mark.parametrize(
    "unshown", ["\u200b", "\u00ad", "\ufeff", "\u2060", "\x1b[2C", "\x1b]0;title\x07", "\x1b(B", "\x9b1m"]
)
def test_a_secret_with_invisible_characters_is_hidden_whole(unshown: str) -> None:
    assert Redactor([LONG]).clean(f"x {unshown.join(LONG)} y") == "x *** y"


def test_a_secret_within_a_sequence_for_the_terminal_is_hidden() -> None:
    assert Redactor([LONG]).clean(f"\x1b]0;{LONG}\x07 y") == "\x1b]0;***\x07 y"


@pytest.mark.parametrize("before", ["\x1b", "\x90", "\x9d", "\x01"])
def test_an_encoded_secret_behind_the_beginning_of_a_sequence_is_hidden(before: str) -> None:
    written = base64.b64encode(LONG.encode()).decode()

    assert Redactor([LONG]).clean(f"{before}{written}") == f"{before}***"


def test_a_secret_with_a_control_character_is_hidden_in_its_encoded_form() -> None:
    assert Redactor(["00000\x1b"]).clean(f"x {quote(chr(0x1B).join(('00000', '')))} y") == "x *** y"
