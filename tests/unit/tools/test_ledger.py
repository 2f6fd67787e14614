"""What `make bench-long` counts: every request that was lost, repeated or answered by the wrong release."""

from pathlib import Path

import pytest

from bench.changes import Change
from bench.ledger import count_times, is_late, logged, recorded

CHANGES = (
    Change(kind="deploy", begun=10.0, returned=12.0, slot=2),
    Change(kind="rollback", begun=20.0, returned=21.0, slot=1),
)
LINE = (
    '{"time":"2026-12-01T00:00:00.000Z","request_id":"%s","client":"127.0.0.1","status":%s,"ms":3,"wait_ms":2,'
    '"bytes_in":1,"bytes_out":1,"app":"%s","target":"hello/v2:1","retries":"0","ended":"SH--","agent":""}\n'
)


@pytest.mark.parametrize(
    ("started", "slot", "expected"),
    [
        (5.0, "1", False),  # before every change
        (11.0, "1", False),  # the change is under way
        (13.0, "1", True),
        (13.0, "2", False),
        (20.5, "2", False),  # the next change is under way
        (21.5, "2", True),
        (21.5, "1", False),
    ],
)
def test_only_a_request_sent_between_two_changes_must_reach_the_live_slot(started: float, slot: str, expected: bool):
    assert is_late(CHANGES, started, slot) is expected


def test_numbers_that_are_missing_or_repeated_are_found():
    times = count_times([0, 1, 1, 3], sent=4)

    assert (times.missing, times.repeated) == ([2], [1])


def test_a_number_that_no_client_sent_is_an_error():
    with pytest.raises(IndexError):
        count_times([4], sent=4)


def test_the_apps_record_is_read_without_the_requests_of_pvdifyd(tmp_path: Path):
    file = tmp_path / "requests"
    file.write_text("7\n0d9a7e0e-1f0a\n\n8\n")

    assert list(recorded(file)) == [7, 8]


def test_the_routers_log_is_read_for_one_app(tmp_path: Path):
    file = tmp_path / "access.log"
    file.write_text(LINE % (1, 200, "hello") + LINE % (2, 502, "hello") + LINE % (3, 200, "other") + "not JSON\n")

    assert list(logged(file, "hello")) == [(1, 200, ""), (2, 502, "target hello/v2:1, retries 0, ended SH--, wait 2")]
