"""Output that an earlier pvdifyd had partly copied: each byte is copied once, also of lines then unfinished."""

from datetime import UTC, datetime

import pytest

from pvdify.model.copied_output import CopiedOutput
from pvdify.model.instance import LogLine

AT = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def fresh(copied: list[str], read: list[str]) -> list[str]:
    lines = [LogLine(at=AT, instance="hook", stream="stdout", text=text) for text in read]
    return [line.text for line in CopiedOutput(copied).fresh(lines)]


@pytest.mark.parametrize(
    ("copied", "read", "left"),
    [
        ([], ["one", "two"], ["one", "two"]),
        (["one"], ["one", "two"], ["two"]),
        (["one", "", "two"], ["one", "", "two", "", "three"], ["", "three"]),
        (["waiting "], ["waiting ... ready", "next"], ["... ready", "next"]),
        ([".", ".", "."], ["...... done", "next", "last"], ["... done", "next", "last"]),
        ([".", ".", ". done"], ["... done", "next"], ["next"]),
        (["1", "10"], ["1", "10", "100"], ["100"]),
        (["waiting ", "a warning", "ready"], ["a warning", "waiting ready", "next"], ["next"]),
        (["of another time"], ["one", "two"], ["one", "two"]),
    ],
)
def test_only_copied_output_is_skipped(copied: list[str], read: list[str], left: list[str]) -> None:
    assert fresh(copied, read) == left


def test_the_cost_per_line_is_constant() -> None:
    texts = [f"CREATE INDEX i_{number}" for number in range(60_000)]

    assert fresh(texts, [*texts, "the end"]) == ["the end"]
