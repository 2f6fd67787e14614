"""Sealed dumps: whole, or found to be not."""

import json

import pytest

from pvdify.errors import BackupDamaged
from pvdify.model.service_dump import (
    ALL,
    LONGEST,
    MARK,
    Seal,
    Sealing,
    Unsealing,
    read_seal,
    read_tally,
    shortfall,
    write_seal,
)

TALLY = {"db.public.orders": 500, 'db.public."Or|der"': 2}


def stored(content: bytes, tally: dict[str, int] = TALLY) -> bytes:
    sealing = Sealing()
    sealing.add(content)
    return content + write_seal(sealing.seal("postgres", "15", tally))


def opened(content: bytes, size: int = 1000) -> tuple[bytes, Seal]:
    unsealing = Unsealing()
    parts = [unsealing.add(content[start : start + size]) for start in range(0, len(content), size)]
    rest, seal = unsealing.end()
    return b"".join([*parts, rest]), seal


@pytest.mark.parametrize("content", [b"", b"a dump\n", b"x" * 3 * LONGEST, MARK + b"{}\n", b"\xff\x00" * 40])
@pytest.mark.parametrize("size", [17, 100_000])
def test_a_sealed_dump_is_unsealed_with_its_tally(content: bytes, size: int):
    size = max(size, len(content) // 100 + 1)

    back, seal = opened(stored(content), size)

    assert back == content
    assert (seal.kind, seal.version, seal.tally, seal.rows) == ("postgres", "15", TALLY, 502)


def test_a_dump_truncated_anywhere_is_damaged():
    whole = stored(b"a dump of some lines\n" * 20)

    for length in range(len(whole)):
        with pytest.raises(BackupDamaged):
            opened(whole[:length])


@pytest.mark.parametrize("change", [b"A dump", b"a", b"a dump and more"])
def test_a_changed_dump_is_damaged(change: bytes):
    with pytest.raises(BackupDamaged):
        opened(stored(b"a dump").replace(b"a dump", change, 1))


def test_the_end_of_a_dump_without_a_seal_is_not_passed_on():
    unsealing = Unsealing()

    assert unsealing.add(b"x" * LONGEST) == b""
    assert unsealing.add(b"yz") == b"xx"
    with pytest.raises(BackupDamaged):
        unsealing.end()


def test_with_more_tables_than_fit_their_sum_is_kept():
    tally = {f"db.public.a_table_with_a_long_name_{number}": 1 for number in range(40_000)}

    _, seal = opened(stored(b"dump", tally), 1 << 20)

    assert seal.tally == {ALL: 40_000}


def test_only_lines_with_counts_are_read_as_counts():
    said = "=a.b.c|5\nNOTICE: =x\n=d|e|7\n=f|\n=g|-1\nh|3\n"

    assert read_tally(said, mark="=") == {"a.b.c": 5, "d|e": 7}
    assert read_tally("keys|0\n") == {"keys": 0}


def test_rows_missing_in_a_restored_service_are_named():
    seal = read_seal(json.dumps({
        "kind": "postgres", "version": "15", "bytes": 1, "sha256": "", "tally": {"a": 5, "b": 0, "c": 1, "d": 2},
    }).encode())  # fmt: skip

    assert shortfall(seal, {"a": 5, "c": 1, "d": 2, "brought by an extension": 9}) == ""
    assert shortfall(seal, {"a": 4, "d": 2}) == "c is missing, a has 4 instead of 5"
    assert shortfall(seal, {"a": 6, "c": 1, "d": 2}) == "a has 6 instead of 5"
