import asyncio

import pytest

from pvdify.engine.redaction.redactors import MOST_REMEMBERED, Redactors
from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import InvalidConfigVar, StoreUnavailable
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.service import PASSWORD
from tests.fakes.machine import ACTOR, Machine


def secret(value: str) -> ConfigVar:
    return ConfigVar(value=Secret(value), is_secret=True)


async def machine_with_secrets(*values: str) -> Machine:
    """One config version for each value, all under the same name."""
    machine = Machine()
    daemon = machine.daemon()
    await daemon.requests.create_app("shop", ACTOR)
    for value in values:
        await daemon.requests.change_config(
            "shop", {"KEY": secret(value), "MODE": ConfigVar(value=Secret("production"))}, ACTOR
        )
    return machine


async def test_earlier_values_are_hidden_as_well_as_the_newest() -> None:
    machine = await machine_with_secrets("first-value", "second-value")
    redactors = Redactors(machine.secrets, machine.store)

    cleaned = (await redactors.of("shop")).clean("first-value, then second-value in production")

    assert cleaned == "***, then *** in production"


async def test_a_value_that_was_unset_stays_hidden() -> None:
    machine = await machine_with_secrets("first-value")
    await machine.daemon().requests.change_config("shop", {"KEY": None}, ACTOR)
    redactors = Redactors(machine.secrets, machine.store)

    cleaned = await redactors.clean("shop", "first-value")

    assert cleaned == "***"


async def test_a_value_is_hidden_as_soon_as_it_is_set() -> None:
    machine = await machine_with_secrets("first-value")
    daemon = machine.daemon()
    before = await daemon.redactors.clean("shop", "first-value second-value")

    await daemon.requests.change_config("shop", {"KEY": secret("second-value")}, ACTOR)

    assert before == "*** second-value"
    assert await daemon.redactors.clean("shop", "first-value second-value") == "*** ***"


async def test_an_apps_secrets_are_hidden_from_its_own_output_only() -> None:
    machine = await machine_with_secrets("first-value")

    cleaned = await machine.daemon().redactors.clean("other", "first-value")

    assert cleaned == "first-value"


async def test_secrets_of_a_service_are_hidden_in_earlier_output_after_its_link_was_removed() -> None:
    machine = await machine_with_secrets("first-value")
    machine.registry.push("reg.example.com/postgres:15")
    request = ServiceRequest(kind="postgres", image="reg.example.com/postgres:15")
    daemon = machine.daemon()
    service = (await daemon.services.create("db", request, ACTOR)).service
    await daemon.service_links.link("db", "shop", None, ACTOR)
    await daemon.service_links.unlink("db", "shop", ACTOR)
    password = (await machine.secrets.read(service.key, service.config_version))[PASSWORD].value

    cleaned = await Redactors(machine.secrets, machine.store).clean("shop", f"connecting as db:{password}@db")

    assert str(password) not in cleaned


async def test_text_without_an_app_is_searched_for_all_known_values() -> None:
    machine = await machine_with_secrets("first-value")
    daemon = machine.daemon()
    await daemon.redactors.of("shop")

    cleaned = await daemon.redactors.clean(None, "first-value")

    assert cleaned == "***"


async def test_a_text_is_withheld_while_the_secrets_cannot_be_read() -> None:
    machine = await machine_with_secrets("first-value")
    redactors = Redactors(Unreadable(), machine.store)  # type: ignore[arg-type]

    cleaned = await redactors.clean("shop", "first-value")

    assert cleaned.startswith("(withheld: the secrets of shop cannot be read")
    with pytest.raises(StoreUnavailable):
        await redactors.of("shop")


async def test_a_long_secret_is_learned_without_blocking_the_loop() -> None:
    long = "long value " * 3000
    machine = await machine_with_secrets(long)
    redactors = Redactors(machine.secrets, machine.store)

    cleaned = await redactors.clean("shop", f"<{long}>")

    assert cleaned == "<***>"


async def test_the_values_of_a_destroyed_app_are_forgotten() -> None:
    machine = await machine_with_secrets("first-value")
    daemon = machine.daemon()
    await daemon.redactors.of("shop")

    await daemon.world.secrets.remove("shop")

    assert daemon.redactors.clean_of_all("first-value") == "first-value"


async def test_more_secrets_than_can_be_hidden_are_refused_and_change_nothing() -> None:
    machine = await machine_with_secrets("first-value")
    daemon = machine.daemon()
    for number in range(4):
        values = {f"K{each}": secret(f"{number}-{each}-" + "x" * 63_000) for each in range(4)}
        await daemon.requests.change_config("shop", values, ACTOR)
    before = await daemon.queries.config("shop")

    with pytest.raises(InvalidConfigVar, match="bytes of secrets with its earlier ones, and 1048576 can be hidden"):
        await daemon.requests.change_config("shop", {"K0": secret("y" * 60_000)}, ACTOR)

    assert await daemon.queries.config("shop") == before
    assert (await daemon.redactors.of("shop")).size <= MOST_REMEMBERED


async def test_a_value_that_is_being_learned_is_hidden_in_a_log_line_without_waiting_for_it() -> None:
    machine = await machine_with_secrets("first-value")
    redactors = Redactors(machine.secrets, machine.store)
    fresh = "fresh-value" * 100  # so long that a thread learns it
    learning = asyncio.create_task(redactors.learn("shop", [secret(fresh)]))
    await asyncio.sleep(0)

    cleaned = redactors.clean_of_all(fresh)

    assert cleaned == "***"
    assert not learning.done()
    await learning
    assert redactors.clean_of_all(fresh.replace("-", "%2D")) == "***"


class Unreadable:
    async def read(self, app: str, version: int) -> dict[str, ConfigVar]:
        raise StoreUnavailable("the key is lost")
