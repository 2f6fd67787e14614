"""The workflows that README.md shows are the ones that are tested."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.workflow import fill

CHECKOUT = Path(__file__).parents[2]
USED = re.compile(r"^\s*(?:- )?uses: ([\w./-]+)@(\S+)", re.MULTILINE)


@pytest.mark.parametrize("name", ["deploy", "preview", "pipeline"])
def test_the_readme_shows_the_workflow_whole(name: str) -> None:
    workflow = (CHECKOUT / "examples" / "workflows" / f"{name}.yml").read_text()

    assert f"```yaml\n{workflow}```" in (CHECKOUT / "README.md").read_text()


def test_every_page_and_example_uses_one_version_of_each_action() -> None:
    versions: dict[str, set[str]] = defaultdict(set)
    for page in pages():
        for action, version in USED.findall(page.read_text()):
            versions[action].add(version)

    assert {"actions/checkout", "docker/build-push-action", "pvdify/gh-pvdify"} <= set(versions)
    assert {action: found for action, found in versions.items() if len(found) != 1} == {}


def test_no_page_names_an_image_by_a_repository_that_may_have_capitals() -> None:
    assert [str(page) for page in pages() if "ghcr.io/${{ github.repository }}" in page.read_text()] == []


def pages() -> Iterator[Path]:
    """Return the files from which users copy workflows."""
    yield CHECKOUT / "README.md"
    yield from (CHECKOUT / "docs").rglob("*.md")
    for folder in ("gh-pvdify", "examples", ".github"):
        for ending in ("*.md", "*.yml"):
            yield from (CHECKOUT / folder).rglob(ending)


def test_the_run_for_a_closed_pull_request_never_replaces_the_deploy_of_its_merge() -> None:
    """Of a group, GitHub keeps one waiting run, the newest. After a merge both runs have the ref of main."""
    group = yaml.safe_load((CHECKOUT / "examples" / "workflows" / "pipeline.yml").read_text())["concurrency"]["group"]
    main = "refs/heads/main"

    pushed, closed = (fill(group, {"github": {"ref": main, "event": event}}) for event in ({}, {"number": 12}))

    assert (pushed, closed) == (f"pipeline-{main}", "pipeline-12")
