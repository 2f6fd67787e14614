"""How long a record that was read stays in memory."""

import gc
import weakref
from datetime import UTC, datetime

from pvdify.adapters.sqlite import rows
from pvdify.adapters.sqlite.rows import from_row, remember, to_row
from pvdify.model.app import App

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ROW = to_row(App(name="a-name-that-no-other-test-has", created_at=NOW, updated_at=NOW))


def test_equal_rows_are_the_same_record_as_long_as_anything_has_it() -> None:
    record = from_row(App, ROW)

    rows._record.cache_clear()

    assert from_row(App, dict(ROW)) is record


def test_a_remembered_record_is_not_parsed_again() -> None:
    record = App(name="another-name-that-no-test-has", created_at=NOW, updated_at=NOW)

    remember(record, to_row(record))

    assert from_row(App, to_row(record)) is record


def test_a_record_that_nothing_has_is_forgotten() -> None:
    forgotten = weakref.ref(from_row(App, ROW))

    rows._record.cache_clear()
    gc.collect()

    assert forgotten() is None
