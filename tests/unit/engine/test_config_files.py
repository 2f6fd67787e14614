"""Configs replaced as a whole, while another client changes them."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.ports.secrets import OpenedFile
from tests.fakes.machine import ACTOR, Daemon, Machine

OLDER = {"A": "1", "B": "1"}
FILE = "A=1\nB=1\n"
Replace = Callable[[Daemon], Awaitable[object]]


@pytest.fixture
async def daemon() -> AsyncIterator[Daemon]:
    daemon = Machine().daemon()
    await daemon.requests.create_app("shop", ACTOR)
    await daemon.requests.create_app("other", ACTOR)
    yield daemon
    await daemon.bury()


def var(value: str) -> ConfigVar:
    return ConfigVar(value=Secret(value))


async def values_of(daemon: Daemon, app: str) -> dict[str, str]:
    newest = (await daemon.store.config_versions(app))[0].version
    return {key: str(held.value) for key, held in (await daemon.machine.secrets.read(app, newest)).items()}


async def roll_back(daemon: Daemon) -> object:
    return await daemon.config_files.roll_back("shop", 1, ACTOR)


async def import_file(daemon: Daemon) -> object:
    daemon.machine.secrets.files[FILE] = OpenedFile(values={"A": Secret("1"), "B": Secret("1")})
    return await daemon.config_files.import_file("shop", FILE, "dotenv", ["A", "B"], ACTOR)


async def copy(daemon: Daemon) -> object:
    return await daemon.config_files.copy("other", "shop", [], ACTOR, with_secrets=False)


@pytest.mark.parametrize(
    ("replace", "expected"),
    [(roll_back, OLDER), (import_file, OLDER), (copy, OLDER | {"LATE": "x"})],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_concurrent_change_is_not_merged_into_the_new_config_version(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, replace: Replace, expected: dict[str, str]
):
    for app in ("other", "shop"):
        await daemon.requests.change_config(app, {key: var(value) for key, value in OLDER.items()}, ACTOR)
    await daemon.requests.change_config("shop", {"A": var("2")}, ACTOR)
    versions, late = daemon.store.config_versions, [True]

    async def config_versions(app: str):
        found = await versions(app)
        if app == "shop" and late:
            late.clear()  # another client writes before the caller uses this answer
            await daemon.requests.change_config("shop", {"B": var("3"), "LATE": var("x")}, ACTOR)
        return found

    monkeypatch.setattr(daemon.store, "config_versions", config_versions)

    await replace(daemon)

    assert await values_of(daemon, "shop") == expected
