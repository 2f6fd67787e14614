"""Routes as map entries, and the order of the changes between them."""

from dataclasses import replace

import pytest

from pvdify.adapters.haproxy import affinity, maps
from pvdify.adapters.haproxy.affinity import AFFINITY
from pvdify.adapters.haproxy.maps import ADDRESSES, GATES, HOSTS, LIVE, TARGETS, TIMEOUTS, Change, Tables
from pvdify.errors import RouterUnavailable
from pvdify.model.endpoint import Endpoint
from pvdify.model.route import Route
from tests.support.endpoints import here

SHOP = Route(app="shop", hostnames=("shop.test", "www.shop.test"), slot=42, targets=here(3001, 3004), numbers=(1, 3))
BLOG = Route(app="blog", hostnames=("blog.test",), slot=None)


def tables(*routes: Route) -> Tables:
    result = Tables()
    for route in routes:
        result = maps.apply(result, maps.put(result, route))
    return result


def test_a_route_is_three_map_files() -> None:
    found = tables(SHOP, BLOG)

    assert maps.render(found[HOSTS]) == "blog.test blog\nshop.test shop\nwww.shop.test shop\n"
    assert maps.render(found[LIVE]) == "blog -\nshop shop/v42\n"
    assert maps.render(found[TARGETS]) == "shop/v42 2\nshop/v42/0 1\nshop/v42/1 3\nshop/v42:1 3001\nshop/v42:3 3004\n"


def test_a_file_is_read_as_it_was_written() -> None:
    found = tables(SHOP, BLOG)

    assert all(maps.parse(maps.render(found[name])) == found[name] for name in maps.MAPS)


def test_routes_are_read_back_from_the_maps() -> None:
    assert maps.routes(tables(SHOP, BLOG)) == {"blog": BLOG, "shop": SHOP}


def test_maintenance_is_distinguished_from_a_route_without_a_slot() -> None:
    closed = Route(app="shop", hostnames=("shop.test",), slot=None, is_in_maintenance=True)

    found = tables(closed, BLOG)

    assert maps.render(found[LIVE]) == "blog -\nshop maintenance\n"
    assert maps.routes(found) == {"blog": BLOG, "shop": closed}


def test_a_route_is_written_target_first_and_hostname_last() -> None:
    before = tables(Route(app="shop", hostnames=("old.test",), slot=41, targets=here(3000)))

    assert maps.put(before, SHOP) == (
        Change(map=TARGETS, key="shop/v42:1", value="3001"),
        Change(map=TARGETS, key="shop/v42:3", value="3004"),
        Change(map=TARGETS, key="shop/v42/0", value="1"),
        Change(map=TARGETS, key="shop/v42/1", value="3"),
        Change(map=TARGETS, key="shop/v42", value="2"),
        Change(map=LIVE, key="shop", value="shop/v42"),
        Change(map=HOSTS, key="shop.test", value="shop"),
        Change(map=HOSTS, key="www.shop.test", value="shop"),
        Change(map=HOSTS, key="old.test", value=None),
    )


def test_a_switch_keeps_the_old_slot_known_until_it_is_forgotten() -> None:
    switched = tables(SHOP, Route(app="shop", hostnames=SHOP.hostnames, slot=43, targets=here(3002)))

    assert maps.targets_of(switched, "shop/v42") == ("shop/v42:1", "shop/v42:3")
    assert maps.forget(switched, "shop", 42) == (
        Change(map=TARGETS, key="shop/v42", value=None),
        Change(map=TARGETS, key="shop/v42/0", value=None),
        Change(map=TARGETS, key="shop/v42/1", value=None),
        Change(map=TARGETS, key="shop/v42:1", value=None),
        Change(map=TARGETS, key="shop/v42:3", value=None),
    )


def test_an_instance_is_removed_by_renumbering_the_others_before_the_count_is_lowered() -> None:
    three = Route(app="shop", hostnames=("shop.test",), slot=42, targets=here(3001, 3002, 3003))

    assert maps.take_out(tables(three), "shop", 42, 1) == (
        Change(map=TARGETS, key="shop/v42/0", value="2"),
        Change(map=TARGETS, key="shop/v42/1", value="3"),
        Change(map=TARGETS, key="shop/v42", value="2"),
    )
    assert maps.take_out(tables(three), "shop", 42, 4) == ()
    assert maps.take_out(tables(three), "shop", 41, 1) == ()
    assert maps.take_out(tables(Route(app="shop", hostnames=(), slot=42, targets=here(3001))), "shop", 42, 1) == ()


def test_a_shrunk_slot_keeps_its_dropped_target_for_requests_already_assigned_to_it() -> None:
    shrunk = tables(SHOP, Route(app="shop", hostnames=SHOP.hostnames, slot=42, targets=here(3004), numbers=(3,)))

    assert maps.render(shrunk[TARGETS]) == "shop/v42 1\nshop/v42/0 3\nshop/v42/1 3\nshop/v42:1 3001\nshop/v42:3 3004\n"
    assert maps.targets_of(shrunk, "shop/v42") == ("shop/v42:1", "shop/v42:3")
    assert maps.routes(shrunk)["shop"].targets == here(3004)


def test_a_route_is_removed_hostname_first_and_longer_app_names_are_kept() -> None:
    found = tables(SHOP, Route(app="shop-two", hostnames=("two.test",), slot=1, targets=here(3009)))

    changes = maps.remove(found, "shop")

    assert [(change.map, change.key) for change in changes] == [
        (HOSTS, "shop.test"),
        (HOSTS, "www.shop.test"),
        (LIVE, "shop"),
        (TARGETS, "shop/v42"),
        (TARGETS, "shop/v42/0"),
        (TARGETS, "shop/v42/1"),
        (TARGETS, "shop/v42:1"),
        (TARGETS, "shop/v42:3"),
    ]
    assert list(maps.routes(maps.apply(found, changes))) == ["shop-two"]


def test_a_repair_adds_entries_before_it_removes_others() -> None:
    found = tables(Route(app="odd", hostnames=("odd.test",), slot=1, targets=here(9)))
    wanted = tables(Route(app="shop", hostnames=("shop.test",), slot=1, targets=here(3001)))

    changes = maps.repair(found, wanted)

    assert [(change.map, change.key, change.value) for change in changes] == [
        (TARGETS, "shop/v1:1", "3001"),
        (TARGETS, "shop/v1/0", "1"),
        (TARGETS, "shop/v1", "1"),
        (LIVE, "shop", "shop/v1"),
        (HOSTS, "shop.test", "shop"),
        (HOSTS, "odd.test", None),
        (LIVE, "odd", None),
        (TARGETS, "odd/v1", None),
        (TARGETS, "odd/v1/0", None),
        (TARGETS, "odd/v1:1", None),
    ]
    assert maps.apply(found, changes) == wanted
    assert maps.repair(wanted, wanted) == ()


@pytest.mark.parametrize("hostname", ["a b", "a;show info", "a\nb c", "a#b", ""])
def test_a_value_with_a_line_break_is_refused(hostname: str) -> None:
    with pytest.raises(ValueError, match=r"hosts\.map"):
        maps.put(Tables(), Route(app="shop", hostnames=(hostname,), slot=None))


def test_a_gate_is_added_before_the_route_and_removed_after_it() -> None:
    gated = Route(app="shop", hostnames=("shop.test",), slot=42, targets=here(3001), gate="5e" * 32)
    opened = Route(app="shop", hostnames=("shop.test",), slot=42, targets=here(3001))

    closing, opening = maps.put(Tables(), gated), maps.put(tables(gated), opened)

    assert [(it.map, it.value) for it in closing[-3:]] == [(GATES, "5e" * 32), (LIVE, "shop/v42"), (HOSTS, "shop")]
    assert opening[-1] == Change(map=GATES, key="shop", value=None)
    assert maps.routes(tables(gated)) == {"shop": gated}
    assert [it.map for it in maps.remove(tables(gated), "shop")][:2] == [HOSTS, LIVE]
    assert maps.apply(tables(gated), maps.remove(tables(gated), "shop"))[GATES] == {}


STICKY = replace(SHOP, has_affinity=True)


def test_affinity_is_part_of_the_route() -> None:
    found = tables(STICKY, BLOG)

    assert maps.routes(found) == {"blog": BLOG, "shop": STICKY}
    assert maps.routes(maps.apply(found, maps.put(found, SHOP))) == {"blog": BLOG, "shop": SHOP}


def test_affinity_marks_are_added_before_the_slot_is_live() -> None:
    changes = maps.put(tables(), STICKY, "a secret")

    order = [change.map for change in changes]
    assert order.index(TARGETS) < order.index(AFFINITY) < order.index(LIVE)


def test_a_restarted_instance_keeps_its_affinity_mark() -> None:
    before = maps.apply(Tables(), maps.put(Tables(), STICKY, "a secret"))
    after = maps.apply(
        before, maps.put(before, replace(STICKY, targets=here(3005, 3006), numbers=(101, 103)), "a secret")
    )

    assert [after[AFFINITY][key] for key, value in before[AFFINITY].items() if value == "1.0"] == ["101.0"]
    assert [after[AFFINITY][key] for key, value in before[AFFINITY].items() if value == "3.1"] == ["103.1"]


def test_no_affinity_mark_points_to_a_removed_instance() -> None:
    found = tables(STICKY)

    found = maps.apply(found, maps.take_out(found, "shop", 42, 1))

    assert [value for key, value in found[AFFINITY].items() if "=" in key] == ["3.0"]


def test_the_affinity_mark_depends_on_secret_slot_and_number() -> None:
    made = {
        affinity.mark(secret, slot, serial)
        for secret in ("a", "b") for slot in ("shop/v1", "shop/v11") for serial in (1, 2, 12)
    }  # fmt: skip

    assert len(made) == 12
    assert affinity.mark("a", "shop/v1", 101) == affinity.mark("a", "shop/v1", 1)


def test_removing_a_slot_or_an_app_removes_its_affinity_marks() -> None:
    found = tables(STICKY, replace(STICKY, slot=43))

    found = maps.apply(found, maps.forget(found, "shop", 42))
    assert not [key for key in found[AFFINITY] if key.startswith("shop/v42")]
    assert maps.apply(found, maps.remove(found, "shop"))[AFFINITY] == {}


def test_a_timeout_is_added_before_its_release_and_removed_with_it() -> None:
    patient = Route(app="shop", hostnames=("shop.test",), slot=2, targets=here(3001), timeout=900.5)
    changes = maps.put(Tables(), patient)
    found = maps.apply(Tables(), changes)

    assert found[TIMEOUTS] == {"shop": "900500"}
    assert [it.map for it in changes].index(TIMEOUTS) < [it.map for it in changes].index(LIVE)
    assert maps.routes(found) == {"shop": patient}
    assert maps.apply(found, maps.put(found, replace(patient, timeout=None)))[TIMEOUTS] == {}
    assert maps.apply(found, maps.remove(found, "shop"))[TIMEOUTS] == {}


def test_a_remote_target_has_an_address_and_a_port_until_it_is_removed() -> None:
    remote = Route(app="shop", hostnames=("shop.test",), slot=7, targets=(Endpoint("10.0.0.7", 3001), *here(3002)))

    put = tables(remote)

    assert put[ADDRESSES] == {"shop/v7:1": "10.0.0.7"}
    assert maps.routes(put)["shop"] == remote
    switched = maps.apply(put, maps.put(put, replace(remote, slot=8, targets=here(3003), numbers=(1,))))
    assert switched[ADDRESSES] == put[ADDRESSES]
    assert maps.apply(switched, maps.forget(switched, "shop", 7))[ADDRESSES] == {}
    assert maps.apply(put, maps.remove(put, "shop"))[ADDRESSES] == {}


@pytest.mark.parametrize("endpoint", [Endpoint("node7.internal", 80), Endpoint("/run/web.sock")])
def test_a_target_that_maps_cannot_represent_is_refused_before_any_change(endpoint: Endpoint) -> None:
    with pytest.raises(RouterUnavailable, match="cannot send requests to"):
        maps.put(Tables(), Route(app="shop", hostnames=("shop.test",), slot=7, targets=(endpoint,)))
