"""Contract of the ``registry_logins`` port."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pvdify.adapters.podman.images.registry_logins import AuthFile, PodmanRegistryLogins
from pvdify.errors import RegistryDenied, RegistryUnavailable
from pvdify.model.instance import Secret
from pvdify.model.registry import RegistryLogin
from pvdify.ports.registry_logins import RegistryLogins
from tests.fakes.images import FakeRegistry
from tests.fakes.registry_logins import FakeRegistryLogins
from tests.support.images import missing_for_podman
from tools.free_port import free_port
from tools.loopback_registry import LoopbackRegistry

PASSWORD = "correct-horse-battery"


@dataclass
class World:
    logins: RegistryLogins
    host: str
    nowhere: str


def fake() -> World:
    registry = FakeRegistry()
    registry.offline.add("nowhere.example.com")
    logins = FakeRegistryLogins(registry)
    logins.passwords["reg.example.com", "octocat"] = PASSWORD
    return World(logins, "reg.example.com", "nowhere.example.com")


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackRegistry]:
    if missing := missing_for_podman():
        pytest.skip(missing)
    with LoopbackRegistry(tmp_path_factory.mktemp("private"), passwords={"octocat": PASSWORD}) as running:
        yield running


@pytest.fixture(params=["fake", pytest.param("podman", marks=pytest.mark.podman)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "fake":
        return fake()
    server = request.getfixturevalue("real_podman")
    logins = PodmanRegistryLogins(runner=server.runner, auth_file=AuthFile(tmp_path / "registries" / "auth.json"))
    return World(logins, request.getfixturevalue("private").address, f"127.0.0.1:{free_port()}")


def login(host: str, password: str = PASSWORD) -> RegistryLogin:
    return RegistryLogin(
        host=host, username="octocat", password=Secret(password), created_at=datetime.now(UTC), created_by="test"
    )


async def test_a_valid_password_is_accepted(world: World):
    await world.logins.check(login(world.host))


async def test_a_wrong_password_is_denied_and_named_with_the_registry(world: World):
    with pytest.raises(RegistryDenied, match=world.host) as denied:
        await world.logins.check(login(world.host, "wrong-horse"))

    assert "wrong-horse" not in f"{denied.value.what}{denied.value.why}{denied.value.next}"


async def test_a_registry_that_does_not_answer_is_another_error(world: World):
    with pytest.raises(RegistryUnavailable):
        await world.logins.check(login(world.nowhere))


async def test_logins_are_used_instead_of_those_before(world: World):
    await world.logins.use([login(world.host)])
    await world.logins.use([])

    await world.logins.check(login(world.host))  # asked of the registry, whatever is used
