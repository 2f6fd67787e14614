"""The contract of volumes on a real cluster, and who may write to them there."""

import io
import tarfile
from dataclasses import replace

import pytest

from pvdify.adapters.clock.clock import SystemClock
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.volume import Mount
from tests.contract import test_volumes
from tests.contract.test_volumes import READS, WRITES, AnyWorld, exit_code, spec
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer, cluster_server
from tests.support.images import file_system
from tools.cluster.images import add

pytestmark = pytest.mark.kubernetes
IS_NOT_ROOT = 'test "$(id -u)" != 0'
globals().update(suite(test_volumes))


@pytest.fixture
async def server(cluster, tmp_path):
    with cluster_server(cluster, tmp_path, kubernetes_helper_image=cluster.push_image(content="helper")) as made:
        yield made
        await made.close()


@pytest.fixture
def world(server: ClusterServer) -> AnyWorld:
    runtime = server.runtime()
    return AnyWorld(runtime, runtime.volumes, SystemClock(), server.push(content="hello"))


@pytest.mark.parametrize("user", ["10001", "10001:20002", "guest"])
async def test_a_user_who_is_not_root_writes_to_a_new_volume_and_to_one_of_root(
    world: AnyWorld, server: ClusterServer, user: str
):
    new, of_root = Mount(path="/data", volume="shop-data-1"), Mount(path="/data", volume="shop-data-2")
    assert await exit_code(world, spec(world, WRITES, 1, of_root)) == 0
    await world.supervisor.instances.stop("pvdify-shop-worker-v1-1", 1.0)
    image = await pulled(world, server, user)

    for number, mount in ((2, new), (3, of_root)):
        wanted = replace(spec(world, f"{IS_NOT_ROOT} && {WRITES} && {READS}", number, mount), image_id=image)
        assert await exit_code(world, wanted) == 0


async def pulled(world: AnyWorld, server: ClusterServer, user: str) -> str:
    """The id of an image of busybox with this user, which pvdify knows."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        add(layer, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\nguest:x:30003:30003::/:/bin/sh\n")
    config = {"Cmd": ["/bin/sleep", "1000"], "Env": ["PATH=/bin"], "User": user}
    pushed = server.cluster.push_layers("users", [file_system("hello"), buffer.getvalue()], config)
    reference = parse_image_reference(pushed)
    return (await world.supervisor.images.pull(reference, reference.digest)).image_id
