"""Numbers with thousands of digits: Python refuses to parse them, and the API refuses them like other invalid input."""

import pytest

from tests.unit.api.conftest import Api

MANY = "9" * 5000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/events?limit={MANY}", 422),
        (f"/apps/shop/releases?limit={MANY}", 422),
        (f"/apps/shop/logs?release={MANY}", 422),
        (f"/apps/shop/logs?release=v{MANY}", 422),
        (f"/apps/shop/logs?lines={MANY}", 422),
        (f"/apps/shop/logs?since={MANY}d", 422),
        (f"/router/log?lines={MANY}", 422),
        (f"/apps/shop/releases/{MANY}", 404),
    ],
)
async def test_huge_numbers_in_a_query_or_path_are_refused(api: Api, path: str, status: int) -> None:
    await api.daemon.deploy()

    assert (await api("GET", path)).status == status


@pytest.mark.parametrize("count", [MANY, f"+{MANY}", {"count": MANY}])
async def test_a_huge_number_of_instances_is_refused(api: Api, count: object) -> None:
    await api.daemon.deploy()

    assert (await api("PATCH", "/apps/shop/processes", {"web": count})).status == 422


async def test_a_huge_last_event_id_names_no_event(api: Api) -> None:
    await api.daemon.deploy()
    path = "/apps/shop/releases/1/log?follow=1"

    assert (await api("GET", path, last_event_id=MANY)).content == (await api("GET", path)).content


async def test_a_huge_content_length_is_ignored(api: Api) -> None:
    assert (await api("POST", "/apps", {"name": "shop"}, content_length=MANY)).status == 201
