"""The security page: each promise names the tests that prove it, and these tests exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "security.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)`")


def _promises() -> list[str]:
    """The rows of all tables that have a column of tests."""
    rows, is_within = [], False
    for line in PAGE.read_text().splitlines():
        if not line.startswith("|"):
            is_within = False
        elif line.endswith("| tested by |"):
            is_within = True
        elif is_within and not set(line) <= set("|- "):
            rows.append(line)
    return rows


def test_the_security_page_has_promises():
    assert len(_promises()) > 50


@pytest.mark.parametrize("row", _promises(), ids=lambda row: row.split("|")[1].strip()[:60])
def test_a_promise_names_its_tests(row: str):
    assert TEST.findall(row.rstrip("| ").rsplit("|", 1)[1]) != []


def test_every_test_named_in_a_document_exists():
    named = {
        (page.relative_to(ROOT), name)
        for page in (ROOT / "docs").rglob("*.md")
        for name in TEST.findall(page.read_text())
    }

    assert {(str(page), name) for page, name in named if not _has_tests(ROOT / name)} == set()


def _has_tests(file: Path) -> bool:
    return file.is_file() and ("def test_" in file.read_text() or not file.name.startswith("test_"))
