"""A pull of an image that something else removes at the same moment."""

import json
from pathlib import Path

import pytest

from pvdify.adapters.podman.images.images import PULLS, PodmanImages
from pvdify.errors import PullFailed
from pvdify.model.image_reference import parse_image_reference
from pvdify.plumbing.command_runner import Argv, Completed

DIGEST = f"sha256:{'d' * 64}"
REFERENCE = parse_image_reference("ghcr.io/org/shop:v1")


class Podman:
    """Podman whose first pulled images are removed at once. ``pulls``: how often an image was pulled."""

    def __init__(self, root: Path, removed: int) -> None:
        self.pulls = 0
        self._root, self._removed = root, removed

    async def run(self, argv: Argv, **_: object) -> Completed:
        if argv[1] == "pull":
            self.pulls += 1
        if "inspect" in argv:
            there = self.pulls > self._removed
            found = json.dumps([{"Id": "f" * 64, "Digest": DIGEST, "Architecture": "amd64"}])
            error = "" if there else "Error: no such image"
            return Completed(argv=argv, exit_code=0 if there else 125, stdout=found if there else "", stderr=error)
        return Completed(argv=argv, exit_code=0, stdout=str(self._root), stderr="")


async def test_an_image_that_was_removed_after_the_pull_is_pulled_again(tmp_path: Path) -> None:
    podman = Podman(tmp_path, removed=1)

    image = await PodmanImages(runner=podman, server_id="abc").pull(REFERENCE, DIGEST)  # type: ignore[arg-type]

    assert (image.image_id, podman.pulls) == ("f" * 64, 2)


async def test_an_image_that_is_always_removed_ends_the_pull_with_the_cause(tmp_path: Path) -> None:
    podman = Podman(tmp_path, removed=100)

    with pytest.raises(PullFailed) as failure:
        await PodmanImages(runner=podman, server_id="abc").pull(REFERENCE, DIGEST)  # type: ignore[arg-type]

    assert podman.pulls == PULLS
    assert "removed" in failure.value.why
