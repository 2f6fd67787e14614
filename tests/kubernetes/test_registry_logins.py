"""The contract of logins to registries on a real cluster, whose nodes pull with them."""

from datetime import UTC, datetime

import pytest

from pvdify.errors import RegistryDenied, StartFailed
from pvdify.model.image_reference import parse_image_reference
from pvdify.model.instance import InstanceSpec, Limits, Secret
from pvdify.model.registry import RegistryLogin
from tests.support.cluster_runtime import ClusterServer

pytestmark = pytest.mark.kubernetes


def own_login(server: ClusterServer, password: str = "") -> RegistryLogin:
    user, right = server.cluster.private_login
    return RegistryLogin(
        host=server.cluster.private_registry, username=user, password=Secret(password or right),
        created_at=datetime.now(UTC), created_by="test",
    )  # fmt: skip


async def test_a_valid_password_is_accepted_and_a_wrong_one_denied(server: ClusterServer):
    logins, host = server.runtime().registry_logins, server.cluster.private_registry

    await logins.check(own_login(server))
    with pytest.raises(RegistryDenied, match=host) as denied:
        await logins.check(own_login(server, "wrong-horse"))

    assert "wrong-horse" not in f"{denied.value.what}{denied.value.why}{denied.value.next}"


async def test_nodes_pull_with_the_login_and_not_without(server: ClusterServer):
    runtime = server.runtime()
    reference = parse_image_reference(server.cluster.push_image("private", content="hello", private=True))
    with pytest.raises(RegistryDenied):
        await runtime.images.pull(reference, reference.digest)
    spec = InstanceSpec(
        name="pvdify-shop-web-v1-1", app="shop", process="web", slot=1, number=1, image_id=str(reference),
        limits=Limits(memory=64 * 1024**2),
    )  # fmt: skip
    with pytest.raises(StartFailed, match="could not be started") as failure:
        await runtime.instances.start(spec)
    assert "registry:login" in failure.value.next

    await runtime.registry_logins.use([own_login(server)])

    assert (await runtime.images.pull(reference, reference.digest)).image_id == str(reference)
    await runtime.instances.start(spec)
    await runtime.registry_logins.use([])
