from datetime import UTC, datetime

from pvdify.adapters.systemd import commands

SINCE = datetime(2026, 11, 25, 9, 10, 32, 746009, UTC)
FIELDS = (
    "--output-fields=MESSAGE,PRIORITY,CONTAINER_TAG,CONTAINER_PARTIAL_MESSAGE,"
    "CONTAINER_ID_FULL,_SOURCE_REALTIME_TIMESTAMP"
)
READ = ("journalctl", "--quiet", "--no-pager", "--all", "--output", "json")


def test_the_journal_is_read_by_tag_and_from_the_second_before():
    argv = commands.read_journal(("a.x", "b.x"), 10, SINCE, version=252)

    tags = ("CONTAINER_TAG=a.x", "CONTAINER_TAG=b.x")
    assert argv == (*READ, FIELDS, *tags, "--since", "@1795597832", "--lines", "10")


def test_every_tag_is_a_match_of_the_journal_index():
    assert commands.list_tags() == ("journalctl", "--quiet", "--no-pager", "--field", "CONTAINER_TAG")


def test_an_old_journal_reports_every_field():
    assert commands.read_journal(("a.x",), 1, None, version=219) == (*READ, "CONTAINER_TAG=a.x", "--lines", "1")


def test_following_begins_with_all_there_is():
    argv = commands.follow_journal(("a.x",), SINCE, version=252)

    assert argv == (*READ, FIELDS, "CONTAINER_TAG=a.x", "--since", "@1795597832", "--follow", "--no-tail")


def test_units_are_listed_whole_and_plain():
    assert commands.list_units("pvdify-*") == (
        *("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", "--no-pager"),
        "pvdify-*",
    )
