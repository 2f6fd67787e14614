"""Commands, options and pages that a message names as the next step exist."""

import re
from pathlib import Path

import pytest

from pvdify import errors
from pvdify.cli.command_table import COMMANDS

SOURCE = Path(errors.__file__).parents[1]
NAME = r"`pvdify (server [a-z]+|(?!server )[a-z]+(?::[a-z]+)?)"
NAMED = re.compile(NAME)
OPTION = re.compile(NAME + r"[^`]*? (--[a-z-]+)")
PAGE = SOURCE.parents[1] / "docs" / "reference" / "cli.md"


def mentions(pattern: re.Pattern[str]) -> list[tuple[str, ...]]:
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        for match in pattern.finditer(file.read_text(encoding="utf-8")):
            found.append((str(file.relative_to(SOURCE)), *match.groups()))
    return found


@pytest.mark.parametrize(("file", "command"), mentions(NAMED))
def test_every_command_named_in_a_message_exists(file: str, command: str):
    assert command.partition(" ")[0] in COMMANDS
    assert f"\n## pvdify {command}\n" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(("file", "command", "option"), mentions(OPTION))
def test_every_option_named_in_a_message_exists(file: str, command: str, option: str):
    section = PAGE.read_text(encoding="utf-8").partition(f"## pvdify {command}\n")[2].partition("\n## ")[0]

    assert section
    assert option == "--help" or option in section, section


def test_every_error_has_a_code_of_its_own_that_its_page_explains():
    kinds = errors.all_errors()
    page = (SOURCE.parents[1] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")

    codes = [kind.code for kind in kinds]

    assert len(codes) == len(set(codes))
    assert [code for code in codes if f"`{code}`" not in page] == []
