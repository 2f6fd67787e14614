"""The contract of one-off commands on a real cluster."""

import pytest

from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.one_off import Stream
from tests.contract import test_one_offs
from tests.contract.test_one_offs import World
from tests.kubernetes.worlds import suite
from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes
globals().update(suite(test_one_offs))


@pytest.fixture
async def world(server: ClusterServer) -> World:
    image = server.push(content="hello")
    return World(server.runtime().one_offs, lambda: image)


async def test_all_output_of_a_short_command_and_its_exit_code_are_returned(server: ClusterServer):
    spec = InstanceSpec(
        name="pvdify-shop-run-v1-1", app="shop", process="run", slot=1, number=1, role=Role.RUN,
        image_id=server.push(content="hello"), command="echo said $KEY; echo failed >&2; exit 7",
        environment={"KEY": Secret("swordfish")}, limits=Limits(memory=64 * 1024**2),
    )  # fmt: skip
    process = await server.runtime().one_offs.start(spec, None)
    said = {Stream.STDOUT: b"", Stream.STDERR: b""}

    while (piece := await process.read()) is not None:
        said[piece.stream] += piece.data

    assert said == {Stream.STDOUT: b"said swordfish\n", Stream.STDERR: b"failed\n"}
    assert await process.wait() == 7
    await process.end()
    namespace = f"{server.prefix}shop"
    assert server.cluster.kubectl("-n", namespace, "get", "secrets", "-l", "pvdify.win/instance", "-o", "name") == ""
