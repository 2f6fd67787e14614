"""Parts of manifests that are shown in the documentation are valid."""

import re
from pathlib import Path

import pytest

from pvdify.manifest.definition import Manifest
from pvdify.manifest.reading import find_problems

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
FIRST_KEY = re.compile(r"^([a-z_]+):", re.MULTILINE)


def shown() -> list[tuple[str, str]]:
    """The place and the text of each YAML block that begins with a key of the manifest."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    blocks = [(page, block) for page in pages for block in BLOCK.findall(page.read_text(encoding="utf-8"))]
    return [
        (str(page.relative_to(ROOT)), block) for page, block in blocks
        if (key := FIRST_KEY.search(block)) and key[1] in Manifest.model_fields and "runs-on:" not in block
    ]  # fmt: skip


@pytest.mark.parametrize(("page", "text"), shown())
def test_a_manifest_in_the_documentation_is_valid(page: str, text: str) -> None:
    # A process that a block mentions may be declared in a part of the file that is not shown.
    assert [problem for problem in find_problems(text) if "there is no process" not in problem.text] == []


def test_there_are_manifests_in_the_documentation() -> None:
    assert len(shown()) >= 10
