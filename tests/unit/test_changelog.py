"""The changelog: unreleased changes first, then releases, in the groups of Keep a Changelog."""

import re
from pathlib import Path

from pvdify import __version__

TEXT = (Path(__file__).parents[2] / "CHANGELOG.md").read_text("utf-8")


def test_the_newest_release_is_the_packages_version_and_has_a_date():
    titles = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)

    assert titles[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - \d{{4}}-\d{{2}}-\d{{2}}", titles[1])


def test_each_version_has_the_groups_of_its_form_once():
    for section in TEXT.split("\n## ")[1:]:
        groups = re.findall(r"^### (.+)$", section, re.MULTILINE)

        assert set(groups) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
        assert len(groups) == len(set(groups))
