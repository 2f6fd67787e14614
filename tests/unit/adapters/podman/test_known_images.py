"""An image that was inspected once is found in podman's list, without starting podman."""

import json
from pathlib import Path

import pytest

from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.model.image_reference import parse_image_reference
from pvdify.plumbing.command_runner import Argv, Completed

ID, DIGEST = "f" * 64, f"sha256:{'d' * 64}"
REFERENCE = parse_image_reference("ghcr.io/org/shop:v1")
NAME = f"ghcr.io/org/shop@{DIGEST}"


class Podman:
    """Podman with one image at most; ``inspections``: how often it was asked about an image."""

    def __init__(self, root: Path) -> None:
        self.inspections = 0
        self._root = root
        self.files = root / "overlay-images" / ID
        self.files.mkdir(parents=True)
        for name in ("manifest", "=c2hhMjU2"):
            (self.files / name).write_text("{}")

    def store(self, *names: str, text: str | None = None) -> None:
        images = [{"id": ID, "names": list(names)}] if names else []
        (self._root / "overlay-images" / "images.json").write_text(text if text is not None else json.dumps(images))

    async def run(self, argv: Argv, **_: object) -> Completed:
        if argv[1] == "info":
            return Completed(argv=argv, exit_code=0, stdout=str(self._root), stderr="")
        self.inspections += 1
        there = argv[-1] in (self._root / "overlay-images" / "images.json").read_text()
        found = json.dumps([{"Id": ID, "Digest": DIGEST, "Architecture": "amd64"}])
        if there:
            return Completed(argv=argv, exit_code=0, stdout=found, stderr="")
        return Completed(argv=argv, exit_code=125, stdout="", stderr="Error: no such image")


@pytest.fixture
def podman(tmp_path: Path) -> Podman:
    podman = Podman(tmp_path)
    podman.store(NAME)
    return podman


@pytest.fixture
def images(podman: Podman) -> PodmanImages:
    return PodmanImages(runner=podman, server_id="abc")  # type: ignore[arg-type]


async def test_podman_is_asked_once_for_each_name(podman: Podman, images: PodmanImages):
    first = await images.find(REFERENCE, DIGEST)
    again = await images.find(REFERENCE, DIGEST)
    by_id = [await images.get(ID) for _ in range(3)]

    assert first == again
    assert first is not None
    assert (first.image_id, first.digest, by_id[0]) == (ID, DIGEST, first)
    assert podman.inspections == 2


async def test_a_removed_image_is_not_found(podman: Podman, images: PodmanImages):
    await images.find(REFERENCE, DIGEST)
    podman.store()

    assert await images.find(REFERENCE, DIGEST) is None
    podman.store(NAME)
    assert await images.find(REFERENCE, DIGEST) is not None


async def test_an_image_that_has_lost_this_name_is_asked_for_again(podman: Podman, images: PodmanImages):
    await images.find(REFERENCE, DIGEST)
    podman.store("localhost/pvdify/abc/shop:v1")

    assert await images.find(REFERENCE, DIGEST) is None


@pytest.mark.parametrize("lost", ["manifest", "=c2hhMjU2"])
@pytest.mark.parametrize("is_empty", [True, False])
async def test_podman_is_asked_about_an_image_whose_files_are_damaged(
    podman: Podman, images: PodmanImages, lost: str, *, is_empty: bool
):
    await images.find(REFERENCE, DIGEST)
    (podman.files / lost).write_text("") if is_empty else (podman.files / lost).unlink()

    await images.find(REFERENCE, DIGEST)

    assert podman.inspections == 2


async def test_a_list_that_cannot_be_read_is_replaced_by_asking_podman(podman: Podman, images: PodmanImages):
    await images.find(REFERENCE, DIGEST)
    podman.store(text=f"not JSON, {NAME}")

    assert await images.find(REFERENCE, DIGEST) is not None
    assert podman.inspections == 2
