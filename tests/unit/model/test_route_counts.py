"""The router's counts, by the instance numbers that users know."""

from pvdify.model.route import TargetCount, by_instance


def count(serial: int, requests: int, *, waits: tuple[int, ...] = ()) -> TargetCount:
    return TargetCount(
        app="shop", slot=1, number=serial, requests=requests, by_class=(0, requests, 0, 0, 0), waits=waits
    )


def test_counts_of_a_restarted_instance_are_added_to_its_number() -> None:
    (found,) = by_instance([count(1, 3, waits=(1, 2)), count(101, 4, waits=(4,))])

    assert (found.number, found.requests, found.by_class, found.waits) == (1, 7, (0, 7, 0, 0, 0), (5, 2))


def test_counts_of_other_numbers_are_separate() -> None:
    found = by_instance([count(1, 3), count(102, 4)])

    assert [(each.number, each.requests) for each in found] == [(1, 3), (2, 4)]
