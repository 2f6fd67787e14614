import base64
import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvdify.model.redaction import Redactor
from pvdify.model.secret_forms import forms_of, refusal_of

SECRETS = st.text(min_size=6, max_size=60).filter(lambda value: refusal_of(value) is None and "*" not in value)
AROUND = st.text(max_size=12)
WRITERS = {
    "raw": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 without padding": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "url": lambda text: quote(text, safe=""),
    "url path": quote,
    "form": quote_plus,
    "json": json.dumps,
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False),
    "json inside json": lambda text: json.dumps(json.dumps(text)),
    "shell": shlex.quote,
}


@pytest.mark.parametrize("name", WRITERS)
@given(secret=SECRETS, before=AROUND, after=AROUND)
def test_a_secret_is_hidden_however_it_is_written(name: str, secret: str, before: str, after: str) -> None:
    written = WRITERS[name](secret)

    told = Redactor([secret]).clean(f"{before}{written}{after}")

    assert written.strip("'\"") not in told


@given(secret=SECRETS, before=st.binary(max_size=7), after=st.binary(max_size=7), is_url_safe=st.booleans())
def test_a_secret_inside_a_longer_encoded_text_is_hidden_wherever_it_begins(
    secret: str, before: bytes, after: bytes, is_url_safe: bool
) -> None:
    encode = base64.urlsafe_b64encode if is_url_safe else base64.b64encode
    encoded = encode(before + secret.encode() + after).decode()
    first, last = -(-8 * len(before) // 6), 8 * (len(before) + len(secret.encode())) // 6

    told = Redactor([secret]).clean(encoded)

    assert encoded[first:last] not in told
    assert len(told) <= first + len("***") + len(encoded) - last


def test_each_line_of_a_secret_of_several_lines_is_hidden() -> None:
    redactor = Redactor(["-----BEGIN KEY-----\nMIIEvQIBADAN\nBgkqhkiG9w0B\n-----END KEY-----\n"])

    lines = [redactor.clean(line) for line in ("-----BEGIN KEY-----", "> MIIEvQIBADAN", "BgkqhkiG9w0B\r")]

    assert lines == ["-----BEGIN KEY-----", "> ***", "***\r"]


def test_the_password_in_a_secret_url_is_hidden_alone() -> None:
    redactor = Redactor(["postgres://shop:pa55w0rd@db.internal/shop"])

    told = redactor.clean('connection to "db.internal" failed for user shop with pa55w0rd')

    assert told == 'connection to "db.internal" failed for user shop with ***'


@pytest.mark.parametrize("text", ["GET /health 200", "https://db.internal/shop", "postgres://shop@db.internal"])
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    redactor = Redactor(["postgres://shop:pa55w0rd@db.internal/shop", "/health/200", "https://db.internal/shopping"])

    told = redactor.clean(text)

    assert told == text


def test_encoded_lines_of_a_long_secret_are_hidden_one_by_one() -> None:
    secret = "".join(f"{number:04}" for number in range(60))
    encoded = base64.b64encode(secret.encode()).decode()
    lines = [encoded[at : at + 76] for at in range(0, len(encoded), 76)]

    told = [Redactor([secret]).clean(line) for line in lines]

    assert told == ["***"] * len(lines)


def test_of_a_long_secret_that_was_cut_short_little_is_left() -> None:
    secret = "".join(f"{number:04}" for number in range(100))
    redactor = Redactor([secret])

    told = redactor.clean(f"error: {secret[:150]}…")

    assert told == f"error: ***{secret[128:150]}…"


@pytest.mark.parametrize("value", ["", "x", "12345", " 12345 ", "ab\ncd\nef\ngh", "\n\n\n\n\n\n"])
def test_a_value_that_is_too_short_to_be_found_is_refused_with_the_reason(value: str) -> None:
    refusal = refusal_of(value)

    assert refusal is not None
    assert "at least 6 characters" in refusal


@pytest.mark.parametrize("value", ["hunter2", "123456", "ab\nlong enough\ncd"])
def test_a_value_that_can_be_found_is_taken(value: str) -> None:
    refusal = refusal_of(value)

    assert refusal is None


@given(secret=SECRETS)
def test_no_form_is_so_short_that_common_words_would_be_hidden(secret: str) -> None:
    forms = forms_of(secret)

    assert secret in forms
    assert min(map(len, forms)) >= 6
