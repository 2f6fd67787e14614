"""Times and durations in output."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest

from pvdify.cli import output
from pvdify.cli.io import Io
from pvdify.cli.moments import moment, until
from pvdify.wire.deploy_log import format_seconds

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PIPE = Io(stdin=StringIO(), stdout=StringIO(), stderr=StringIO())
TERMINAL = replace(PIPE, is_stdout_terminal=True)


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1, hours=3), "1 day ago"),
        (timedelta(days=12), "12 days ago"),
        (timedelta(seconds=-2), "just now"),
        (timedelta(hours=-5), "in 5 h"),
        (timedelta(milliseconds=20, days=-90), "in 90 days"),
    ],
)
def test_a_moment_is_relative_at_a_terminal_and_exact_elsewhere(before: timedelta, text: str) -> None:
    assert moment(NOW - before, TERMINAL, now=NOW) == text
    assert moment(NOW - before, PIPE, now=NOW) == output.when(NOW - before)


@pytest.mark.parametrize(
    ("left", "text"), [(timedelta(days=7), "for 7 days"), (timedelta(hours=23), "for 23 h"), (timedelta(0), "for 5 s")]
)
def test_an_expiry_is_relative_at_a_terminal_and_exact_elsewhere(left: timedelta, text: str) -> None:
    assert until(NOW + left, TERMINAL, now=NOW) == text
    assert until(NOW + left, PIPE, now=NOW) == f"until {output.when(NOW + left)}"


def test_a_missing_time_is_a_dash() -> None:
    assert moment(None, TERMINAL, now=NOW) == moment(None, PIPE, now=NOW) == "-"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.004, "4ms"), (1.84, "1.8s"), (59.9, "59.9s"), (60.0, "1m"), (125.3, "2m5s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, "-"), (88_080_384, "84M"), (1024**3, "1G"), (1_610_612_736, "1.5G")]
)
def test_memory(count: int | None, text: str) -> None:
    assert output.memory(count) == text
