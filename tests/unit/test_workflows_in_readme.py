"""The workflows that README.md shows are the ones that are tested."""

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["deploy", "preview", "pipeline"])
def test_the_readme_shows_the_workflow_whole(name: str) -> None:
    workflow = (CHECKOUT / "examples" / "workflows" / f"{name}.yml").read_text()

    assert f"```yaml\n{workflow}```" in (CHECKOUT / "README.md").read_text()
