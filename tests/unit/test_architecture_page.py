"""The architecture page names files that exist, and each level of the engine has few entries."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/pvdify"
PAGE = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
MOST_AT_ONE_LEVEL = 12
ROWS = re.findall(r"^\| (.+?) \| (.+) \|$", PAGE[PAGE.index("## Where to look") :], re.MULTILINE)[1:]
PATH = re.compile(r"`([a-z][\w./-]*(?:/|\.py|\.md))(?:: \w+)?`")


@pytest.mark.parametrize(("change", "places"), ROWS, ids=[change for change, _ in ROWS])
def test_each_listed_file_exists(change: str, places: str):
    folder, missing = SOURCE, []
    for named in PATH.findall(places):
        found = next((it for it in (SOURCE / named, ROOT / named, folder / named) if it.exists()), None)
        if found is None:
            missing.append(named)
        elif "/" in named:
            folder = found if found.is_dir() else found.parent

    assert PATH.search(places), "names no file"
    assert missing == []


def test_the_walk_through_a_deploy_names_existing_files():
    walk = PAGE[PAGE.index("## One `pvdify deploy`") : PAGE.index("## Add a page")]
    folders = (SOURCE, SOURCE / "engine/deploys", SOURCE / "engine/running")

    missing = [it for it in PATH.findall(walk) if not any((folder / it).exists() for folder in folders)]

    assert len(PATH.findall(walk)) > 20
    assert missing == []


def test_the_tree_of_the_engine_is_the_engine():
    rooms = PAGE[PAGE.index("src/pvdify/engine/\n") : PAGE.index("Read it as one sentence")]
    listed = set(re.findall(r"^[├└]── ([a-z_]+(?:/|\.py))", rooms, re.MULTILINE))
    engine = SOURCE / "engine"
    there = {f"{it.name}/" if it.is_dir() else it.name for it in engine.iterdir() if not it.name.startswith("__")}

    assert listed == there
    assert len(there) <= MOST_AT_ONE_LEVEL
