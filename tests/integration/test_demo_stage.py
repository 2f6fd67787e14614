"""The cleanup after a server of tests or of the demonstration removes nothing of another server."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.images import build_image, missing_for_podman
from tests.support.podman import podman
from tools.demo import stage as stages
from tools.demo.stage import Stage

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]


@contextmanager
def prepared() -> Iterator[Stage]:
    stage = stages.prepare()
    try:
        yield stage
    finally:
        stages.clean_up(stage)


def pin_of(stage: Stage) -> str:
    """The name under which a server keeps the image of a release."""
    return f"localhost/pvdify/{stages.server_id(stage)}/hello:v1"


def test_a_server_with_the_same_image_keeps_it_and_its_containers():
    with prepared() as mine, prepared() as other:
        image = build_image(content=other.directory)
        podman("tag", image, pin_of(mine), pin_of(other))
        podman("rmi", image)
        label = f"--label=io.pvdify.server={stages.server_id(other)}"
        container = podman("run", "--detach", "--network=none", label, pin_of(other))

        stages.clean_up(mine)

        assert podman("inspect", "--format", "{{.State.Status}}", container) == "running"
        assert podman("images", "--quiet", pin_of(mine)) == ""
        assert podman("images", "--quiet", pin_of(other)) != ""
    assert podman("ps", "--all", "--quiet", "--filter", f"id={container}") == ""
    assert podman("images", "--quiet", pin_of(other)) == ""
