"""Contract of the ``images`` port: the fake, and podman."""

import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from pvdify.errors import ImageNotFound, RegistryUnavailable, RuntimeUnavailable
from pvdify.model.image_reference import parse_image_reference
from pvdify.ports.images import Images
from tests.fakes.images import FakeImages, FakeRegistry
from tests.support.images import build_image, image_id
from tests.support.podman import PodmanServer, podman
from tools.free_port import free_port
from tools.loopback_registry import LoopbackRegistry


class World(Protocol):
    images: Images

    def push(self, tag: str, content: str) -> str:
        """Push an image under this tag; the reference."""
        ...

    def load(self, tag: str) -> str:
        """Put an image into local storage; the reference."""
        ...

    def is_stored(self, image_id: str) -> bool: ...

    def use(self, image_id: str) -> None:
        """Make a container of it."""
        ...

    def unreachable(self) -> str:
        """A reference at a registry that does not answer."""
        ...


@dataclass
class FakeWorld:
    registry: FakeRegistry
    images: FakeImages
    used: set[str]

    def push(self, tag: str, content: str) -> str:
        reference = f"127.0.0.1:5000/org/shop:{tag}"
        self.registry.push(reference, content=content, exposed_ports=(8080,), command=("/bin/sleep", "1000"))
        return reference

    def load(self, tag: str) -> str:
        built = self.registry.push(f"elsewhere.example.com/x:{tag}")
        self.images.load(f"localhost/shop:{tag}", built)
        return f"localhost/shop:{tag}"

    def is_stored(self, image_id: str) -> bool:
        return image_id in self.images.stored

    def use(self, image_id: str) -> None:
        self.used.add(image_id)

    def unreachable(self) -> str:
        self.registry.offline.add("away.example.com")
        return "away.example.com/shop:v1"


@dataclass
class PodmanWorld:
    images: Images
    registry: LoopbackRegistry
    server: PodmanServer
    repository: str

    def push(self, tag: str, content: str) -> str:
        reference = f"{self.registry.address}/{self.repository}:{tag}"
        name = build_image(content=f"{self.repository} {content}")
        podman("push", "--quiet", "--tls-verify=false", name, reference)
        podman("rmi", name)
        return reference

    def load(self, tag: str) -> str:
        reference = f"localhost/pvdify/{self.server.server_id}/{self.repository}:{tag}"
        podman("tag", build_image(content="local"), reference)
        return reference

    def is_stored(self, image_id: str) -> bool:
        return subprocess.run(("podman", "image", "exists", image_id), check=False).returncode == 0

    def use(self, image_id: str) -> None:
        podman("create", f"--label=io.pvdify.server={self.server.server_id}", image_id)

    def unreachable(self) -> str:
        return f"127.0.0.1:{free_port()}/shop:v1"


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.podman)])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        registry, used = FakeRegistry(), set()
        return FakeWorld(registry, FakeImages(registry=registry, is_used=used.__contains__), used)
    server = request.getfixturevalue("real_podman")
    registry = request.getfixturevalue("registry")
    return PodmanWorld(server.images(), registry, server, f"shop-{uuid.uuid4().hex[:8]}")


async def test_the_download_size_is_known_before_a_pull(world):
    reference = parse_image_reference(world.push("v1", "first"))
    digest = await world.images.resolve(reference)

    size = await world.images.download_size(reference, digest)

    image = await world.images.pull(reference, digest)
    assert size is not None
    assert 0 < size <= image.size


async def test_the_size_of_an_app_is_that_of_its_pinned_images(world):
    app = f"shop{uuid.uuid4().hex[:6]}"
    sizes = []
    for tag in ("v1", "v2"):
        reference = parse_image_reference(world.push(tag, tag))
        image = await world.images.pull(reference, await world.images.resolve(reference))
        await world.images.keep(image.image_id, app, len(sizes) + 1)
        sizes.append(image.size)

    found = (await world.images.disk())[app]

    assert found.images == 2
    assert max(sizes) * 0.9 < found.size <= sum(sizes)
    for release in (1, 2):
        await world.images.release(app, release)
    assert app not in await world.images.disk()


async def test_a_moved_tag_resolves_to_its_new_digest(world):
    reference = parse_image_reference(world.push("v1", "first"))
    first = await world.images.resolve(reference)

    world.push("v1", "second")

    second = await world.images.resolve(reference)
    assert first.startswith("sha256:")
    assert second != first


async def test_a_pull_fetches_exactly_the_requested_digest(world):
    reference = parse_image_reference(world.push("v1", "first"))
    digest = await world.images.resolve(reference)
    world.push("v1", "second")
    assert await world.images.find(reference, digest) is None

    image = await world.images.pull(reference, digest)

    assert image.digest == digest
    assert (image.exposed_ports, image.entrypoint, image.command) == ((8080,), (), ("/bin/sleep", "1000"))
    assert image.size > 0
    assert await world.images.find(reference, digest) == image
    assert await world.images.pull(reference, digest) == image
    assert (await world.images.get(image.image_id)).image_id == image.image_id


async def test_a_reference_by_digest_resolves_to_it(world):
    reference = parse_image_reference(world.push("v1", "first"))
    digest = await world.images.resolve(reference)

    assert await world.images.resolve(reference.pinned(digest)) == digest


async def test_a_tag_that_does_not_exist_is_not_found(world):
    world.push("v1", "first")
    reference = parse_image_reference(world.push("v1", "first").removesuffix("v1") + "v2")

    with pytest.raises(ImageNotFound):
        await world.images.resolve(reference)


async def test_a_digest_that_the_registry_forgot_is_not_found(world):
    reference = parse_image_reference(world.push("v1", "first"))

    with pytest.raises(ImageNotFound):
        await world.images.pull(reference, f"sha256:{'0' * 64}")


async def test_a_registry_that_does_not_answer_is_unavailable(world):
    reference = parse_image_reference(world.unreachable())

    with pytest.raises(RegistryUnavailable) as failure:
        await world.images.resolve(reference)
    with pytest.raises(RegistryUnavailable):
        await world.images.pull(reference, f"sha256:{'0' * 64}")

    assert reference.host in failure.value.what


async def test_a_local_image_needs_no_registry(world):
    reference = parse_image_reference(world.load("v1"))

    digest = await world.images.resolve(reference)

    found = await world.images.find(reference, digest)
    assert found is not None
    assert await world.images.pull(reference, digest) == found


async def test_a_missing_local_image_is_not_found(world):
    reference = parse_image_reference("localhost/nothing-of-the-kind:v1")

    with pytest.raises(ImageNotFound):
        await world.images.resolve(reference)
    with pytest.raises(ImageNotFound):
        await world.images.pull(reference, f"sha256:{'0' * 64}")


async def test_an_unknown_image_id_is_none(world):
    assert await world.images.get("0" * 64) is None


async def test_a_missing_image_cannot_be_pinned(world):
    with pytest.raises(RuntimeUnavailable):
        await world.images.keep("0" * 64, "shop", 1)

    assert await world.images.kept("shop") == frozenset()


async def test_removing_the_last_pin_removes_the_image(world):
    reference = parse_image_reference(world.push("v1", "first"))
    image = await world.images.pull(reference, await world.images.resolve(reference))
    await world.images.keep(image.image_id, "shop", 1)
    await world.images.keep(image.image_id, "shop", 1)
    await world.images.keep(image.image_id, "shop", 12)
    await world.images.keep(image.image_id, "shop-staging", 7)
    assert await world.images.kept("shop") == {1, 12}

    await world.images.release("shop", 1)
    await world.images.release("shop", 1)
    await world.images.release("shop", 12)
    assert await world.images.kept("shop") == frozenset()
    assert world.is_stored(image.image_id)
    await world.images.release("shop-staging", 7)

    assert not world.is_stored(image.image_id)
    assert await world.images.find(reference, image.digest) is None


async def test_an_image_with_a_container_is_kept(world):
    reference = parse_image_reference(world.push("v1", "first"))
    image = await world.images.pull(reference, await world.images.resolve(reference))
    await world.images.keep(image.image_id, "shop", 1)
    world.use(image.image_id)

    await world.images.release("shop", 1)

    assert world.is_stored(image.image_id)
    assert await world.images.find(reference, image.digest) == image


async def test_an_image_with_a_foreign_tag_is_kept(world):
    reference = parse_image_reference(world.load("v1"))
    image = await world.images.find(reference, await world.images.resolve(reference))
    await world.images.keep(image.image_id, "shop", 1)

    await world.images.release("shop", 1)

    assert world.is_stored(image.image_id)
    assert await world.images.resolve(reference) == image.digest


@pytest.mark.podman
async def test_pinned_images_survive_a_prune_after_their_tag_moved(real_podman, registry):
    world = PodmanWorld(real_podman.images(), registry, real_podman, f"shop-{uuid.uuid4().hex[:8]}")
    reference = parse_image_reference(world.push("v1", "first"))
    image = await world.images.pull(reference, await world.images.resolve(reference))
    await world.images.keep(image.image_id, "shop", 1)

    assert image.image_id not in podman("images", "--filter", "dangling=true", "--quiet", "--no-trunc")
    await world.images.release("shop", 1)


@pytest.mark.podman
async def test_a_multi_platform_image_is_identified_by_the_digest_of_its_index(real_podman, registry):
    images, repository = real_podman.images(), f"shop-{uuid.uuid4().hex[:8]}"
    own, other = build_image(content=f"{repository} here"), build_image(content=f"{repository} elsewhere")
    listing = f"localhost/pvdify/{real_podman.server_id}/list:v1"
    podman("manifest", "create", listing)
    podman("manifest", "add", listing, f"containers-storage:{own}")
    podman("manifest", "add", "--os=linux", "--arch=riscv64", listing, f"containers-storage:{other}")
    target = f"{registry.address}/{repository}:v1"
    podman("manifest", "push", "--quiet", "--all", "--tls-verify=false", listing, f"docker://{target}")
    expected = image_id(own)
    podman("manifest", "rm", listing)
    podman("rmi", own, other)
    reference = parse_image_reference(target)

    digest = await images.resolve(reference)
    image = await images.pull(reference, digest)

    assert (image.digest, image.image_id) == (digest, expected)
    assert await images.find(reference, digest) == image
    await images.keep(image.image_id, "shop", 1)
    await images.release("shop", 1)
    assert await images.find(reference, digest) is None


@pytest.mark.podman
async def test_an_image_damaged_by_a_power_cut_is_pulled_again_without_affecting_others(real_podman, registry):
    world = PodmanWorld(real_podman.images(), registry, real_podman, f"shop-{uuid.uuid4().hex[:8]}")
    damaged, other = (parse_image_reference(world.push(tag, tag)) for tag in ("damaged", "other"))
    digests = {each: await world.images.resolve(each) for each in (damaged, other)}
    image = await world.images.pull(damaged, digests[damaged])
    await world.images.keep(image.image_id, world.repository, 7)
    damage(image.image_id)

    assert await world.images.pull(other, digests[other])
    assert (await world.images.pull(damaged, digests[damaged])).image_id == image.image_id
    assert podman("image", "inspect", image.image_id)


def damage(image_id: str) -> None:
    """Damage the image as a kill of podman between its record and its manifest does."""
    asked = ("podman", "info", "--format", "{{.Store.GraphRoot}}")
    store = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    (directory,) = store.glob(f"*-images/{image_id}")
    for file in directory.iterdir():
        file.unlink()
