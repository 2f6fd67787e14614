"""A real router of its own for each test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from pvdify.adapters.haproxy.router import HaproxyRouter
from tests.load.real_router import RouterProcess, real_router


@pytest.fixture
async def process() -> AsyncIterator[RouterProcess]:
    async with real_router() as process:
        yield process


@pytest.fixture
async def router(process: RouterProcess) -> AsyncIterator[HaproxyRouter]:
    router = process.connect()
    await router.ensure_running()
    yield router
    await router.close()
