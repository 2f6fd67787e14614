"""Durations, sizes and whole numbers, with their bounds."""

from datetime import timedelta

import pytest

from pvdify.quantities import number_of, parse_size, parse_size_between, parse_size_or_none, parse_span, parse_whole
from pvdify.settings import parse_address, parse_port_range


def test_a_span_has_bounds_that_are_included():
    parse = parse_span("1d", "30d")

    assert (parse("24h"), parse("30d")) == (timedelta(days=1), timedelta(days=30))
    for text in ("23h", "31d", "0"):
        with pytest.raises(ValueError, match="expected a duration from 1d to 30d"):
            parse(text)


def test_a_size_has_bounds_that_are_included():
    parse = parse_size_between("1M", "1G")

    assert (parse("1M"), parse("1GiB")) == (1024**2, 1024**3)
    for text in ("1023K", "1.1G"):
        with pytest.raises(ValueError, match="expected a size from 1M to 1G"):
            parse(text)


def test_a_size_that_may_be_0_is_otherwise_not_too_small():
    parse = parse_size_or_none("64M")

    assert (parse("0"), parse("64M"), parse("1T")) == (0, 64 * 1024**2, 1024**4)
    with pytest.raises(ValueError, match="expected 0, or a size of at least 64M"):
        parse("63M")


@pytest.mark.parametrize("text", ["²", "١", "-1", "1.0", "", "1e3", " ", "101"])
def test_invalid_integers_are_refused_with_a_message_of_pvdify(text: str):
    with pytest.raises(ValueError, match="expected a whole number from 0 to 100"):
        parse_whole(0, 100)(text)


@pytest.mark.parametrize("text", ["²M", "-1", "M", "1 000M", "1e9"])
def test_invalid_sizes_are_refused_with_a_message_of_pvdify(text: str):
    with pytest.raises(ValueError, match="expected a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("parse", "text"),
    [(parse_address, "127.0.0.1:²"), (parse_port_range, "1024-²"), (parse_port_range, "5000-4000")],
)
def test_invalid_ports_are_refused_with_a_message_of_pvdify(parse, text: str):
    with pytest.raises(ValueError, match="expected"):
        parse(text)


def test_a_number_has_its_noun_in_the_right_form():
    assert [number_of(count, "file") for count in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert number_of(1, "row or key", "rows or keys") == "1 row or key"
    assert number_of(3, "row or key", "rows or keys") == "3 rows or keys"
