import json
from datetime import UTC, datetime

from pvdify.adapters.systemd import parse
from pvdify.adapters.systemd.parse import Entry, UnitState

LISTED = """\
pvdify-shop-web-v1-1.service loaded active running pvdify shop web.1 v1
pvdify-shop-web-v1-2.service loaded activating auto-restart pvdify shop web.2 v1
● pvdify-shop-worker-v1-1.service loaded failed failed pvdify shop worker.1 v1
"""
AT = datetime(2026, 11, 25, 9, 10, 32, 746009, UTC)


def line(**fields: object) -> str:
    usual = {"__REALTIME_TIMESTAMP": "1795597832746009", "CONTAINER_TAG": "web.abc", "PRIORITY": "6"}
    return json.dumps(usual | fields)


def test_units_are_listed_with_their_states():
    states = parse.unit_states(LISTED)

    assert states["pvdify-shop-web-v1-1.service"] == UnitState(active="active", sub="running")
    assert states["pvdify-shop-web-v1-2.service"].waits
    assert not states["pvdify-shop-worker-v1-1.service"].is_coming


def test_the_version_is_a_number():
    assert parse.version("systemd 252 (252.39-1~deb12u2)\n+PAM") == 252
    assert parse.version("systemd 219\n") == 219
    assert parse.version("something else") == 0


def test_an_entry_has_time_stream_and_text():
    assert parse.entry(line(MESSAGE="ready\n", CONTAINER_ID_FULL="c1")) == Entry(
        at=AT, sent_at=AT, tag="web.abc", stream="stdout", data=b"ready", is_part=False, container="c1"
    )
    assert parse.entry(line(_SOURCE_REALTIME_TIMESTAMP="1000000")).sent_at == datetime.fromtimestamp(1, UTC)
    assert parse.entry(line(MESSAGE="oh", PRIORITY="3")).stream == "stderr"


def test_a_part_of_a_long_line_is_distinguished():
    assert parse.entry(line(MESSAGE="begin", CONTAINER_PARTIAL_MESSAGE="true")).is_part


def test_text_that_is_not_utf_8_is_a_list_of_bytes():
    assert parse.entry(line(MESSAGE=[0xFF, 0x61, 0x0A])).data == b"\xffa"
    assert parse.entry(line(MESSAGE=None)).data == b""


def test_journal_entries_without_a_container_are_skipped():
    assert parse.entry(json.dumps({"__REALTIME_TIMESTAMP": "1", "MESSAGE": "Started."})) is None
    assert parse.entry("no json") is None
