"""A private image in a real registry with passwords, which appear in no argument of a process."""

import stat
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.podman.images.images import PodmanImages
from pvdify.adapters.podman.images.registry_logins import AuthFile, PodmanRegistryLogins
from pvdify.errors import RegistryDenied, RegistryUnavailable
from pvdify.model.image_reference import ImageReference, parse_image_reference
from pvdify.model.instance import Secret
from pvdify.model.registry import RegistryLogin
from tests.support.images import build_image, missing_for_podman
from tests.support.podman import PodmanServer, podman, podman_server
from tools.free_port import free_port
from tools.loopback_registry import LoopbackRegistry

pytestmark = [pytest.mark.podman, pytest.mark.skipif(bool(missing_for_podman()), reason=str(missing_for_podman()))]
PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackRegistry]:
    with LoopbackRegistry(tmp_path_factory.mktemp("private"), passwords={"octocat": PASSWORD}) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PodmanServer]:
    with podman_server(tmp_path) as server:
        yield server


@pytest.fixture
def image(private: LoopbackRegistry) -> Iterator[ImageReference]:
    reference = f"{private.address}/shop-{uuid.uuid4().hex[:8]}:v1"
    name = build_image(content=reference)
    podman("push", "--quiet", "--tls-verify=false", "--creds", f"octocat:{PASSWORD}", name, reference)
    podman("rmi", name)
    yield parse_image_reference(reference)
    for stored in set(podman("images", "--quiet", f"--filter=reference={reference.removesuffix(':v1')}").split()):
        podman("rmi", "--force", stored)


@pytest.fixture
def auth_file(tmp_path: Path) -> AuthFile:
    return AuthFile(tmp_path / "registries" / "auth.json")


@pytest.fixture
def logins(server: PodmanServer, auth_file: AuthFile) -> PodmanRegistryLogins:
    return PodmanRegistryLogins(runner=server.runner, auth_file=auth_file)


def login(host: str, password: str = PASSWORD) -> RegistryLogin:
    return RegistryLogin(
        host=host, username="octocat", password=Secret(password), created_at=datetime.now(UTC), created_by="test"
    )


async def test_a_private_image_is_pulled_with_the_login_and_no_password_is_an_argument(
    server: PodmanServer, image: ImageReference, auth_file: AuthFile, logins: PodmanRegistryLogins
) -> None:
    images = PodmanImages(runner=server.runner, server_id=server.server_id, auth_file=auth_file)
    with pytest.raises(RegistryDenied) as denied:
        await images.resolve(image)
    await logins.check(login(image.host))
    await logins.use([login(image.host)])

    digest = await images.resolve(image)
    pulled = await images.pull(image, digest)

    assert f"`pvdify registry:login {image.host} -u USER`" in denied.value.next
    assert pulled.digest == digest
    assert stat.S_IMODE(auth_file.path.stat().st_mode) == 0o600
    assert [file.name for file in auth_file.path.parent.iterdir()] == ["auth.json"]
    assert not [argv for argv in server.runner.calls if any(PASSWORD in word for word in argv)]


async def test_a_login_that_is_not_good_any_more_is_named_with_the_command_that_repairs_it(
    server: PodmanServer, image: ImageReference, auth_file: AuthFile, logins: PodmanRegistryLogins
) -> None:
    images = PodmanImages(runner=server.runner, server_id=server.server_id, auth_file=auth_file)
    await logins.use([login(image.host, "expired-token")])

    with pytest.raises(RegistryDenied) as caught:
        await images.resolve(image)

    assert image.host in caught.value.what
    assert caught.value.why.startswith("signed in as octocat: ")
    assert f"`pvdify registry:login {image.host} -u octocat`" in caught.value.next


async def test_a_wrong_password_is_refused_by_the_registry_itself(
    private: LoopbackRegistry, auth_file: AuthFile, logins: PodmanRegistryLogins
) -> None:
    with pytest.raises(RegistryDenied) as caught:
        await logins.check(login(private.address, "a-wrong-one"))

    assert f"{private.address} does not accept this password of octocat" == caught.value.what
    assert "a-wrong-one" not in caught.value.why
    assert list(auth_file.path.parent.iterdir()) == []


async def test_an_unreachable_registry_is_distinguished_from_a_wrong_password(logins: PodmanRegistryLogins) -> None:
    with pytest.raises(RegistryUnavailable):
        await logins.check(login(f"127.0.0.1:{free_port()}"))


async def test_without_logins_there_is_no_file_and_roots_own_logins_count(
    auth_file: AuthFile, logins: PodmanRegistryLogins
) -> None:
    await logins.use([login("ghcr.io")])

    await logins.use([])

    assert not auth_file.path.exists()
    assert auth_file.for_host("ghcr.io") is None
