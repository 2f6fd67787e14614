"""Schedules of jobs: five cron fields in a time zone, and their due times."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
_LONGEST = 200
# If cronsim starts inside the hour that a clock change repeats, it may return a time that has passed.
_LEAD = timedelta(hours=3)
_ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def check_schedule(text: str) -> str:
    """Return the schedule with single spaces. Raises ValueError."""
    schedule = " ".join(text.split())
    if len(schedule.split()) != FIELDS or len(schedule) > _LONGEST:
        raise ValueError("expected five cron fields like 0 3 * * *: minute, hour, day, month, day of the week")
    try:
        next(CronSim(schedule, _ANY_MOMENT))
    except CronSimError as error:
        raise ValueError(f"is no cron schedule ({str(error).lower()}); expected one like 0 3 * * *") from error
    except StopIteration:
        raise ValueError("is never due") from None
    return schedule


def check_time_zone(name: str) -> str:
    """Return the name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError("expected the name of a time zone like Europe/Berlin or UTC") from error
    return name


def due_times(schedule: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the schedule's due times after this moment, in UTC, in order, each once.

    Where the clock is set forward, a skipped time is due right after the change. Where the clock is set back, a time
    that occurs twice is due once; schedules with an interval of minutes or one hour continue in between.
    """
    latest = after
    for local in CronSim(schedule, (after - _LEAD).astimezone(ZoneInfo(time_zone))):
        due = local.astimezone(UTC)
        if due > latest:
            latest = due
            yield due


@lru_cache(maxsize=10_000)
def first_due(schedule: str, time_zone: str, after: datetime) -> datetime | None:
    """Return the first due time after this moment, or None if there is none."""
    return next(due_times(schedule, time_zone, after), None)
