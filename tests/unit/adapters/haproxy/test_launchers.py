"""The router as a systemd unit: requests to the service manager, and the error if it refuses."""

from pathlib import Path

import pytest

from pvdify.adapters.haproxy.commands import Replaced
from pvdify.adapters.haproxy.launchers import AsUnit, Order
from pvdify.errors import RouterUnavailable, RuntimeUnavailable

UNIT = "pvdify-router.service"
REPLACED = Replaced(pids=(7,), socket=Path("/run/haproxy.sock"))


class FakeServices:
    """Implements ``plumbing.services.Services``."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._refusal = refusal

    async def start(self, unit: str) -> None:
        self._ask("start", unit)

    async def reload(self, unit: str) -> None:
        self._ask("reload", unit)

    async def restart(self, unit: str) -> None:
        self._ask("restart", unit)

    def _ask(self, verb: str, unit: str) -> None:
        self.asked.append((verb, unit))
        if self._refusal:
            raise RuntimeUnavailable("systemd cannot do its work", why=self._refusal, next="look")


async def test_a_router_that_does_not_answer_is_restarted() -> None:
    services = FakeServices()

    await AsUnit(services, UNIT).launch(Order(binary="haproxy"))

    assert services.asked == [("restart", UNIT)]


@pytest.mark.parametrize(("is_other_version", "verb"), [(False, "reload"), (True, "restart")])
async def test_a_changed_config_is_reloaded_and_a_changed_version_is_restarted(
    is_other_version: bool, verb: str
) -> None:
    services = FakeServices()

    await AsUnit(services, UNIT).launch(Order(binary="haproxy", replaced=REPLACED, is_other_version=is_other_version))

    assert services.asked == [(verb, UNIT)]


async def test_a_refusal_names_the_unit_and_the_journal_command() -> None:
    launcher = AsUnit(FakeServices("Unit pvdify-router.service not found."), UNIT)

    with pytest.raises(RouterUnavailable) as refused:
        await launcher.launch(Order(binary="haproxy"))

    assert refused.value.what == "pvdify-router.service does not start"
    assert refused.value.why == "Unit pvdify-router.service not found."
    assert "journalctl -u pvdify-router.service" in (refused.value.next or "")
