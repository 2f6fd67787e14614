"""/apps/{app}/volumes."""

from tests.unit.api.conftest import IMAGE, Api

DATA = {"volumes": {"data": {"path": "/data", "shared": True}}}


async def test_volumes_are_listed_destroyed_and_restored(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": DATA})
    await api.daemon.finish("shop", 1)

    (volume,) = (await api("GET", "/apps/shop/volumes")).json["volumes"]
    in_use = await api("DELETE", "/apps/shop/volumes/data")
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": {}})
    await api.daemon.finish("shop", 2)
    await api.daemon.finish_retirements()
    destroyed = await api("DELETE", "/apps/shop/volumes/data")
    (trashed,) = (await api("GET", "/apps/shop/volumes")).json["volumes"]
    restored = await api("POST", "/apps/shop/volumes/data/restore")

    assert (volume["name"], volume["state"], volume["path"]) == ("data", "used", "/data")
    assert (volume["processes"], volume["shared"], volume["size"]) == (["web"], True, 4096)
    assert (in_use.status, in_use.json["code"]) == (409, "volume-in-use")
    assert (destroyed.status, restored.status) == (204, 204)
    assert (trashed["state"], trashed["path"]) == ("trash", None)
    assert trashed["trashed_at"] < trashed["deleted_at"]
    assert (await api("DELETE", "/apps/shop/volumes/other")).status == 404


async def test_an_app_is_destroyed_with_its_volumes_on_request(api: Api):
    await api("POST", "/apps/shop/releases", {"image": IMAGE, "manifest": DATA})
    await api.daemon.finish("shop", 1)

    assert (await api("DELETE", "/apps/shop?confirm=shop&purge=1")).status == 202
    while await api.machine.store.app("shop"):
        await api.machine.clock.sleep(1.0)

    assert await api.machine.volumes.find() == {}
