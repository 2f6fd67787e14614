"""JSON that another program wrote."""

import pytest

from pvdify.model.foreign_json import parse_json


@pytest.mark.parametrize(
    "content", [b"[" * 200_000, "[" * 200_000, b'{"a":' * 200_000, b"[1,2", b" " * 2_000_000, b"9" * 500]
)
def test_invalid_or_expensive_json_is_a_value_error(content: str | bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - each has a text of its own
        parse_json(content)


def test_a_custom_size_limit():
    with pytest.raises(ValueError, match="more than 3 bytes"):
        parse_json(b'"aa"', largest=3)

    assert parse_json(b"[1]", largest=3) == [1]


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"1.5,", b'"a",'])
def test_more_values_than_can_be_read_within_milliseconds_are_refused(piece: bytes):
    with pytest.raises(ValueError, match="more than 50,000 commas and opening brackets"):
        parse_json(b"[" + piece * 60_000 + b"1]")

    assert len(parse_json(b"[" + piece * 20_000 + b"1]")) == 20_001
