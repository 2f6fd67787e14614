"""Which backups are kept, and what makes one suspicious."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pvdify.model.backup import (
    Backup,
    BackupItem,
    BackupState,
    Counts,
    ItemKind,
    Keep,
    differences,
    kept,
    last_stored,
    shrinking,
)

NOW = datetime(2026, 6, 30, 3, tzinfo=UTC)


def backup(days: int, *, proven: bool = False, state: BackupState = BackupState.STORED, **parts: object) -> Backup:
    at = NOW - timedelta(days=days)
    made = {"id": f"{at:%Y%m%dT%H%M%S}", "state": state, "made_at": at, "made_by": "pvdify"}
    return Backup(**made, proven_at=at if proven else None, **parts)


def volume(counts: Counts | None, **parts: object) -> BackupItem:
    usual = {"kind": ItemKind.VOLUME, "app": "shop", "name": "data", "id": "shop-data-1", "snapshot": "s"}
    return BackupItem(**(usual | parts), counts=counts)


def test_the_newest_of_each_day_week_and_month_is_kept() -> None:
    backups = [backup(day) for day in range(400)]

    ids = kept(backups, Keep(daily=7, weekly=4, monthly=6))

    ages = sorted((NOW - it.made_at).days for it in backups if it.id in ids)
    assert ages[:7] == [0, 1, 2, 3, 4, 5, 6]
    assert len(ages) <= 7 + 4 + 6
    assert ages[-1] == (NOW - datetime(2026, 1, 31, 3, tzinfo=UTC)).days


def test_the_newest_and_the_newest_proven_one_are_always_kept() -> None:
    backups = [backup(day, proven=day == 300) for day in range(310)]

    ids = kept(backups, Keep(daily=1, weekly=0, monthly=0))

    assert ids == {backups[0].id, backups[300].id}


def test_failed_and_deleted_backups_count_for_no_day() -> None:
    backups = [backup(0, state=BackupState.FAILED), backup(0, state=BackupState.GONE), backup(1)]

    assert kept(backups, Keep(daily=1, weekly=0, monthly=0)) == {backups[2].id}


def test_a_backup_with_less_than_a_tenth_is_suspicious() -> None:
    before = [backup(1, items=(volume(Counts(files=100, bytes=10**6, rows=5000, databases=1)),))]

    assert shrinking(volume(Counts(files=90, bytes=10**6, rows=4000, databases=1)), before) == ""
    assert "9 files, and had 100" in shrinking(volume(Counts(files=9, bytes=10**6, rows=5000)), before)
    assert "0 rows, and had 5000" in shrinking(volume(Counts(files=100, bytes=10**6, rows=0)), before)
    assert "bytes" in shrinking(volume(Counts(files=100, bytes=99_999, rows=5000)), before)
    assert "0 files with content" in shrinking(volume(Counts(files=100, bytes=0, empty=100, rows=0)), before)
    assert shrinking(volume(Counts()), []) == ""
    assert shrinking(volume(None), before) == ""
    assert shrinking(volume(Counts(), app="other"), before) == ""


def test_a_small_volume_may_shrink_but_not_to_zero() -> None:
    before = [backup(1, items=(volume(Counts(files=12, bytes=900)),))]

    assert shrinking(volume(Counts(files=1, bytes=80)), before) == ""
    assert "0 files" in shrinking(volume(Counts()), before)


def test_every_difference_between_stored_and_restored_is_named() -> None:
    assert differences(Counts(files=3, bytes=9), Counts(files=3, bytes=9)) == ""
    assert differences(Counts(files=3, bytes=9, rows=2), Counts(files=2, bytes=9)) == (
        "2 files instead of 3, 0 rows instead of 2"
    )


def test_the_last_backup_of_a_volume_is_the_newest_that_stored_it() -> None:
    failed, whole = volume(None, snapshot=""), volume(None)
    backups = [backup(0, items=(failed,)), backup(1, items=(whole,)), backup(2, items=(whole,))]

    assert last_stored(backups) == {"shop-data-1": backups[1].made_at}


def test_an_incomplete_backup_replaces_no_complete_one() -> None:
    incomplete = replace(backup(0, state=BackupState.INCOMPLETE), id="newest", made_at=NOW + timedelta(hours=1))
    backups = [incomplete, backup(0), backup(1, state=BackupState.INCOMPLETE), backup(2)]

    assert kept(backups, Keep(daily=1, weekly=0, monthly=0)) == {"newest", backups[1].id}
    assert kept(backups, Keep(daily=3, weekly=0, monthly=0)) == {it.id for it in backups}
    assert kept([incomplete, backup(5)], Keep(daily=1, weekly=0, monthly=0)) == {"newest", backup(5).id}
