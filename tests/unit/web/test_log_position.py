"""Resuming an interrupted stream of several instances' lines."""

from datetime import UTC, datetime, timedelta

import pytest

from pvdify.engine.reading.runtime_logs import Writer
from pvdify.web.log_position import Mark, Position

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
WEB = Writer(process="web", number=1, release=7)
OTHER = Writer(process="web", number=2, release=7)


class Hand:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_an_event_id_encodes_the_whole_position():
    position = Position(floor=START)
    for moment in (1, 1, 0.5):
        position.move(WEB if moment == 1 else OTHER, after(moment))

    read = Position.of(position.id)

    assert position.id == "2026-11-25T12:00:00+00:00;web.1.v7@1795608001000000/2;web.2.v7@1795608000500000/1"
    assert read is not None
    assert (read.floor, read.marks) == (position.floor, position.marks)


@pytest.mark.parametrize("text", ["", "x", "2026-11-25T12:00:00", "2026-11-25T12:00:00+00:00;web.1.v7", "7;7@7/7"])
def test_an_invalid_event_id_is_none(text: str):
    assert Position.of(text) is None


def test_lines_with_the_same_timestamp_are_counted_per_instance():
    position = Position(floor=START)
    position.move(WEB, after(1))

    assert position.has(WEB, Mark(at=after(1)))
    assert not position.has(WEB, Mark(at=after(1), count=2))
    assert not position.has(OTHER, Mark(at=after(1)))
    assert position.has(OTHER, Mark(at=START))
    assert position.begin == START


def test_reading_resumes_before_the_earliest_position():
    position = Position(floor=after(5), marks={"web.1.v7": Mark(at=after(2), count=3)})

    assert after(1.9) < position.begin < after(2)


def test_a_long_silent_instance_is_covered_by_the_floor():
    clock = Hand()
    position = Position(floor=START, clock=clock)
    position.move(OTHER, after(1))

    clock.now = 61.0
    position.move(WEB, after(62))

    assert (position.floor, list(position.marks)) == (after(1), ["web.1.v7"])
