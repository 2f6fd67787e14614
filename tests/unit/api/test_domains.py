"""/apps/{app}/domains."""

from tests.unit.api.conftest import IMAGE, Api


async def test_hostnames_are_added_listed_and_removed(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": {"domains": ["www.shop.net"]}})
    await api.daemon.finish("shop", 1)

    added = await api("POST", "/apps/shop/domains", {"hostname": "BÜCHER.example"})
    again = await api("POST", "/apps/shop/domains", {"hostname": "bücher.example"})

    expected = {
        "hostname": "xn--bcher-kva.example", "readable": "bücher.example", "origin": "added",
        "url": "https://xn--bcher-kva.example",
    }  # fmt: skip
    assert (added.status, added.json) == (201, expected)
    assert added.headers["location"] == "/api/v1/apps/shop/domains/xn--bcher-kva.example"
    assert (again.status, again.json) == (200, expected)
    listed = (await api("GET", "/apps/shop/domains")).json["domains"]
    assert [(it["hostname"], it["origin"]) for it in listed] == [
        ("shop.example.com", "app"), ("www.shop.net", "manifest"), ("xn--bcher-kva.example", "added")
    ]  # fmt: skip
    assert (await api("DELETE", "/apps/shop/domains/xn--bcher-kva.example")).status == 204
    assert (await api("DELETE", "/apps/shop/domains/xn--bcher-kva.example")).status == 404
    assert (await api("DELETE", "/apps/shop/domains/www.shop.net")).status == 409


async def test_invalid_and_taken_hostnames_are_refused(api: Api):
    await api("POST", "/apps", {"name": "shop"})
    await api("POST", "/apps", {"name": "blog"})

    wildcard = await api("POST", "/apps/shop/domains", {"hostname": "*.shop.net"})
    taken = await api("POST", "/apps/shop/domains", {"hostname": "blog.example.com"})
    missing = await api("POST", "/apps/shop/domains", {})

    assert (wildcard.status, wildcard.json["code"]) == (422, "invalid-hostname")
    assert "a wildcard cannot be routed to one app" in wildcard.json["why"]
    assert (taken.status, taken.json["code"]) == (409, "hostname-taken")
    assert (missing.status, missing.json["problems"]) == (422, ["hostname: is required"])
