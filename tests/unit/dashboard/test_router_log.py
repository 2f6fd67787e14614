"""The router's log of an app: requests are found by status, by class of status and by path."""

import re
from dataclasses import replace

import pytest

from tests.unit.api.test_router_log import visit
from tests.unit.dashboard.conftest import IMAGE, Site


@pytest.mark.parametrize(
    ("query", "statuses"),
    [("", [503, 502, 200]), ("?status=503", [503]), ("?status=5xx", [503, 502]), ("?path=/SLOW", [502])],
)
async def test_requests_are_found_by_status_and_path(site: Site, query: str, statuses: list[int]) -> None:
    await site.daemon.deploy(image=IMAGE)
    paths = {200: "/", 502: "/slow", 503: "/"}
    site.machine.access_log.visits = [replace(visit("shop/v1:1", path), status=code) for code, path in paths.items()]
    browser = await site.signed_in()

    page = (await browser.get(f"/apps/shop/router-log{query}")).content.decode()

    assert [int(it) for it in re.findall(r'<span class="status[^>]*>(\d+)</span>', page)] == statuses


async def test_the_form_keeps_what_was_searched(site: Site) -> None:
    await site.daemon.deploy(image=IMAGE)
    browser = await site.signed_in()

    page = (await browser.get("/apps/shop/router-log?status=503&path=%22x")).content.decode()

    assert 'name="status" value="503"' in page
    assert 'name="path" value="&#34;x"' in page
