"""Cron schedules in time zones, over changes of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pvdify.manifest.schedules import check_schedule, check_time_zone, due_times

BERLIN = "Europe/Berlin"
SET_BACK, SET_FORWARD = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)  # both at 01:00Z


def between(schedule: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    return list(takewhile(lambda due: due <= until, due_times(schedule, zone, after)))


def shown(schedule: str, day: datetime, count: int) -> list[str]:
    return [f"{due:%d %H:%M}" for due in islice(due_times(schedule, BERLIN, day - timedelta(minutes=1)), count)]


def test_a_time_repeated_by_a_clock_change_is_due_once():
    assert shown("30 2 * * *", SET_BACK, 2) == ["25 00:30", "26 01:30"]


def test_a_time_skipped_by_a_clock_change_is_due_right_after():
    assert shown("30 2 * * *", SET_FORWARD, 2) == ["29 01:00", "30 00:30"]


def test_frequent_schedules_continue_over_both_clock_changes():
    hours = ["00:15", "01:15", "02:15"]
    assert shown("15 * * * *", SET_BACK, 3) == [f"25 {hour}" for hour in hours]
    assert shown("15 * * * *", SET_FORWARD, 3) == [f"29 {hour}" for hour in hours]


@given(
    schedule=st.sampled_from(["30 2 * * *", "*/20 * * * *", "0 2,3 * * *", "15 1-3 * * 0", "59 23 * * *"]),
    zone=st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]),
    day=st.sampled_from([datetime(2026, month, day, tzinfo=UTC) for month, day in
                         ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1), (2, 15), (3, 22))]),
    cut=st.integers(min_value=-600, max_value=2400),
)  # fmt: skip
def test_each_due_time_is_in_exactly_one_part_of_a_split_interval(schedule: str, zone: str, day: datetime, cut: int):
    begin, middle, end = day - timedelta(hours=12), day + timedelta(minutes=cut), day + timedelta(hours=48)

    parts = between(schedule, zone, begin, middle) + between(schedule, zone, middle, end)

    assert parts == between(schedule, zone, begin, end)


@pytest.mark.parametrize("text", ["", "@daily", "0 3 * *", "0 3 * * * *", "60 * * * *", "0 0 31 2 *", "a b c d e"])
def test_invalid_schedules_are_refused(text: str):
    with pytest.raises(ValueError, match=r"cron|never"):
        check_schedule(text)


@pytest.mark.parametrize("name", ["", "Berlin", "../etc/passwd", "/etc/localtime", "Europe/", "\0"])
def test_invalid_time_zones_are_refused(name: str):
    with pytest.raises(ValueError, match="time zone"):
        check_time_zone(name)


def test_a_schedule_is_kept_with_single_spaces():
    assert check_schedule(" 0  3 * * 1-5 ") == "0 3 * * 1-5"
