"""Samples: a ring of five-minute steps."""

from datetime import UTC, datetime, timedelta

import pytest

from pvdify.model.samples import POINTS, STEP, Measure, Sample, Series, percentile

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ONE_STEP = timedelta(seconds=STEP)


def test_newest_sample_is_the_last_value() -> None:
    series = Series()

    series.put(NOON, Sample(requests=4.0))

    values = series.last(Measure.REQUESTS, NOON)
    assert (len(values), values[-1], values[-2]) == (POINTS, 4.0, None)


def test_second_sample_of_a_step_takes_the_place_of_the_first() -> None:
    series = Series()

    series.put(NOON, Sample(requests=4.0))
    series.put(NOON + timedelta(seconds=10), Sample(requests=6.0))

    assert series.last(Measure.REQUESTS, NOON)[-2:] == (None, 6.0)


def test_a_step_without_a_sample_is_unknown_and_not_a_day_old() -> None:
    series = Series()
    for step in range(POINTS):
        series.put(NOON + step * ONE_STEP, Sample(requests=1.0))

    series.put(NOON + (POINTS + 2) * ONE_STEP, Sample(requests=2.0))

    values = series.last(Measure.REQUESTS, NOON + (POINTS + 2) * ONE_STEP)
    assert values[-4:] == (1.0, None, None, 2.0)
    assert values[0] == 1.0


def test_time_goes_on_without_samples() -> None:
    series = Series()
    series.put(NOON, Sample(requests=4.0))

    assert series.last(Measure.REQUESTS, NOON + 3 * ONE_STEP)[-4:] == (4.0, None, None, None)
    assert set(series.last(Measure.REQUESTS, NOON + timedelta(days=2))) == {None}


def test_sample_from_before_the_ring_is_left_out() -> None:
    series = Series()
    series.put(NOON, Sample(requests=4.0))

    series.put(NOON - timedelta(days=2), Sample(requests=9.0))

    assert {4.0, None} == set(series.last(Measure.REQUESTS, NOON))


def test_series_is_read_back_as_it_was_saved() -> None:
    series = Series()
    series.put(NOON, Sample(requests=4.0, errors=0.5, wait=0.25, memory=1e6, cpu=0.75))

    read = Series.of_bytes(series.to_bytes())

    assert read is not None
    assert [read.last(measure, NOON) for measure in Measure] == [series.last(measure, NOON) for measure in Measure]


@pytest.mark.parametrize("content", [b"", b"x" * 10, b"\x02" + Series().to_bytes()[1:]])
def test_unknown_content_is_no_series(content: bytes) -> None:
    assert Series.of_bytes(content) is None


def test_saved_series_is_small() -> None:
    assert len(Series().to_bytes()) < 6_000


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ((), None),
        ((0, 0, 0), None),
        ((100,), 0.0095),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 5), 10.0),
        ((90, 0, 0, 0, 10, 0, 0, 0, 0, 0), 0.175),
    ],
)
def test_percentile_lies_within_the_range_that_holds_it(waits: tuple[int, ...], expected: float | None) -> None:
    found = percentile(waits, 0.95)

    assert found == (pytest.approx(expected) if expected is not None else None)
