import pytest

from pvdify.errors import (
    InvalidRegistry,
    RegistryDenied,
    RegistryNotFound,
    RegistryUnavailable,
    StoreUnavailable,
)
from pvdify.model.instance import Secret
from pvdify.model.registry import check_registry_host
from tests.fakes.machine import ACTOR, Daemon, Machine

PASSWORD = Secret("an-access-token")


@pytest.fixture
def daemon() -> Daemon:
    machine = Machine()
    machine.registry_logins.passwords = {("ghcr.io", "octocat"): PASSWORD, ("docker.io", "anna"): PASSWORD}
    return machine.daemon()


async def test_a_login_is_used_kept_and_an_event_without_its_password(daemon: Daemon) -> None:
    login = await daemon.registries.login("https://GHCR.io/", "octocat", PASSWORD, ACTOR)

    assert (login.host, login.username, login.created_by) == ("ghcr.io", "octocat", "ci")
    assert daemon.machine.registry_logins.used == (login,)
    assert await daemon.registries.list() == (login,)
    (event,) = await daemon.machine.store.events()
    assert (event.action, event.text) == ("registry.login", "ghcr.io as octocat")


async def test_a_second_login_takes_the_place_of_the_first_at_its_own_registry_only(daemon: Daemon) -> None:
    daemon.machine.registry_logins.passwords["ghcr.io", "bot"] = PASSWORD
    await daemon.registries.login("ghcr.io", "octocat", PASSWORD, ACTOR)
    await daemon.registries.login("docker.io", "anna", PASSWORD, ACTOR)

    await daemon.registries.login("ghcr.io", "bot", PASSWORD, ACTOR)

    used = {login.host: login.username for login in daemon.machine.registry_logins.used}
    assert used == {"docker.io": "anna", "ghcr.io": "bot"}


async def test_a_login_refused_by_the_registry_changes_nothing(daemon: Daemon) -> None:
    await daemon.registries.login("ghcr.io", "octocat", PASSWORD, ACTOR)

    with pytest.raises(RegistryDenied):
        await daemon.registries.login("ghcr.io", "octocat", Secret("a-wrong-one"), ACTOR)

    (login,) = await daemon.registries.list()
    assert login.password == PASSWORD


async def test_a_registry_that_does_not_answer_is_reported(daemon: Daemon) -> None:
    daemon.machine.registry.offline.add("ghcr.io")

    with pytest.raises(RegistryUnavailable):
        await daemon.registries.login("ghcr.io", "octocat", PASSWORD, ACTOR)

    assert await daemon.registries.list() == ()


async def test_a_restarted_daemon_uses_stored_logins(daemon: Daemon) -> None:
    login = await daemon.registries.login("ghcr.io", "octocat", PASSWORD, ACTOR)
    daemon.machine.registry_logins.used = ()

    await daemon.machine.daemon().registries.apply()

    assert daemon.machine.registry_logins.used == (login,)


async def test_unreadable_logins_do_not_prevent_a_start(daemon: Daemon) -> None:
    await daemon.machine.credentials.write("registries", {"logins": Secret("{not json")})

    await daemon.registries.apply()

    with pytest.raises(StoreUnavailable):
        await daemon.registries.list()
    assert daemon.machine.registry_logins.used == ()


async def test_a_logout_removes_the_login_completely(daemon: Daemon) -> None:
    await daemon.registries.login("ghcr.io", "octocat", PASSWORD, ACTOR)

    await daemon.registries.logout("ghcr.io", ACTOR)

    assert daemon.machine.registry_logins.used == ()
    assert PASSWORD not in str(daemon.machine.credentials.kept)
    with pytest.raises(RegistryNotFound):
        await daemon.registries.logout("ghcr.io", ACTOR)


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("a:b", "x"), ("a", ""), ("a", "two\nlines")])
async def test_invalid_logins_are_refused(daemon: Daemon, username: str, password: str) -> None:
    with pytest.raises(InvalidRegistry) as caught:
        await daemon.registries.login("ghcr.io", username, Secret(password), ACTOR)

    assert caught.value.details["problems"]


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("ghcr.io", "ghcr.io"),
        ("https://Registry.example.com:5000/", "registry.example.com:5000"),
        ("index.docker.io", "docker.io"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("localhost:5000", "localhost:5000"),
    ],
)
def test_the_host_is_the_beginning_of_an_image_reference(typed: str, host: str) -> None:
    assert check_registry_host(typed) == host


@pytest.mark.parametrize("typed", ["", "ghcr.io/org", "library", "localhost", "a b.io", "../x.io"])
def test_invalid_registry_hosts_are_refused(typed: str) -> None:
    with pytest.raises(InvalidRegistry):
        check_registry_host(typed)
