"""The garbage collector of pvdifyd does not look at what lasts, and frees what does not."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from pvdify.daemon.collector import spare_lasting_objects
from tests.fakes.machine import Machine


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    yield
    gc.unfreeze()


class _Node:
    other: "_Node | None" = None


def _cycle() -> "weakref.ref[_Node]":
    one, two = _Node(), _Node()
    one.other, two.other = two, one
    return weakref.ref(one)


async def test_records_of_apps_are_exempt_from_collections() -> None:
    daemon = Machine().daemon()
    await daemon.deploy()
    (view,) = await daemon.queries.apps()

    await spare_lasting_objects(daemon.engine)

    assert gc.get_freeze_count() > 0
    assert not any(it is view for it in gc.get_objects())
    await daemon.bury()


async def test_garbage_from_before_and_after_is_freed() -> None:
    daemon = Machine().daemon()
    before = _cycle()

    await spare_lasting_objects(daemon.engine)

    assert before() is None
    after = _cycle()
    gc.collect()
    assert after() is None
    await daemon.bury()
