"""The contract of images on a real cluster, whose nodes pull them."""

import uuid
from dataclasses import dataclass, field

import pytest

from pvdify.errors import ImageNotFound
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import InstanceSpec, Limits
from pvdify.ports.runtime import Runtime
from tests.contract import test_images
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer
from tools.free_port import free_port

pytestmark = pytest.mark.kubernetes
DIFFERENT = (
    "test_a_local_image_needs_no_registry",  # nothing is here: nodes pull
    "test_an_image_with_a_foreign_tag_is_kept",
)
globals().update(suite(test_images, without=DIFFERENT))


@dataclass
class ClusterImagesWorld:
    server: ClusterServer
    runtime: Runtime
    repository: str
    used: list[str] = field(default_factory=list)

    @property
    def images(self):
        return self.runtime.images

    def push(self, tag: str, content: str) -> str:
        """The pushed image has the tag ``latest``, which is moved to the one that is wanted."""
        pinned = self.server.cluster.push_image(self.repository, content=f"{self.repository} {content}")
        target = f"{self.server.cluster.registry}/{self.repository}:{tag}"
        plain = ("--src-tls-verify=false", "--dest-tls-verify=false")
        self.server.cluster.run(
            "skopeo", "copy", "--quiet", "--insecure-policy", *plain, f"docker://{pinned}", f"docker://{target}"
        )
        return target

    def is_stored(self, image_id: str) -> bool:
        return self.runtime.images._files.read(image_id) is not None

    def use(self, image_id: str) -> None:
        name = f"{self.server.prefix}used"
        spec = InstanceSpec(
            name="pvdify-used-web-v1-1", app="used", process="web", slot=1, number=1, image_id=image_id,
            limits=Limits(memory=64 * 1024**2),
        )  # fmt: skip
        from pvdify.adapters.kubernetes import manifests

        scope = self.server.parts[-1].scope
        labels = {"pvdify.win/server": scope.server, "pvdify.win/app": "used"}
        self.server.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        )
        self.server.cluster.apply(manifests.deployment(scope, spec, starts=0))

    def unreachable(self) -> str:
        return f"127.0.0.1:{free_port()}/shop:v1"


@pytest.fixture
def world(server: ClusterServer) -> ClusterImagesWorld:
    return ClusterImagesWorld(server, server.runtime(), f"shop-{uuid.uuid4().hex[:8]}")


async def test_a_local_image_is_refused_on_a_cluster_with_a_next_step(world):
    with pytest.raises(ImageNotFound, match="not in a registry"):
        await world.images.resolve(parse_image_reference("localhost/shop:v1"))
