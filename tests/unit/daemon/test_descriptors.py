"""How many file descriptors the process leaves to connections."""

import resource

import pytest

from pvdify.adapters.systemd.server_units import DAEMON_FILES
from pvdify.daemon import descriptors
from pvdify.daemon.descriptors import bounds


@pytest.mark.parametrize("limit", [64, 256, 1024, 8192, 1 << 20])
def test_more_than_half_of_the_descriptors_are_left_to_the_engine(limit: int) -> None:
    found = bounds(limit)

    assert found.network + found.root <= limit // 2
    assert found.streams < found.network
    assert found.peer < found.network


def test_a_process_with_the_usual_limit_has_room_for_a_thousand_connections() -> None:
    assert bounds(descriptors.WANTED).network == 1024


def test_the_limit_of_the_unit_equals_the_descriptors_in_use() -> None:
    assert descriptors.WANTED == DAEMON_FILES


def test_the_soft_limit_is_raised_as_far_as_the_hard_one_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    least = min(soft, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (least, hard))
    try:
        raised = descriptors.raise_limit()

        assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(descriptors.WANTED, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
