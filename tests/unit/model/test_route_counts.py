"""What the router counted, told by the numbers that people know."""

from pvdify.model.route import TargetCount, by_instance


def count(serial: int, requests: int, *, waits: tuple[int, ...] = ()) -> TargetCount:
    return TargetCount(
        app="shop", slot=1, number=serial, requests=requests, by_class=(0, requests, 0, 0, 0), waits=waits
    )


def test_an_instance_and_the_one_it_was_restarted_in_place_of_are_one() -> None:
    (found,) = by_instance([count(1, 3, waits=(1, 2)), count(101, 4, waits=(4,))])

    assert (found.number, found.requests, found.by_class, found.waits) == (1, 7, (0, 7, 0, 0, 0), (5, 2))


def test_instances_with_other_numbers_stay_apart() -> None:
    found = by_instance([count(1, 3), count(102, 4)])

    assert [(each.number, each.requests) for each in found] == [(1, 3), (2, 4)]
