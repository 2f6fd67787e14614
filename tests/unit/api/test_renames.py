"""POST /apps/{app}/rename, and requests under a former name."""

from pvdify.model.token import Role
from tests.unit.api.conftest import Api


async def test_a_renamed_app_is_found_under_its_former_name(api: Api):
    for name in ("shop", "blog"):
        await api("POST", "/apps", {"name": name})
    mine, theirs = await api.make_token(Role.DEPLOY, "shop"), await api.make_token(Role.DEPLOY, "blog")

    renamed = await api("POST", "/apps/shop/rename", {"name": "store"})

    assert (renamed.status, renamed.json["name"]) == (200, "store")
    for path in ("/apps/shop", "/apps/shop/releases", "/apps/shop/previews/3"):
        answer = await api("GET", path)
        assert (answer.status, answer.json["code"]) == (404, "app-renamed")
        assert "shop is called store since" in answer.json["detail"]
    api.token = mine  # follows its app
    assert (await api("GET", "/apps/store")).status == 200
    assert (await api("GET", "/apps/shop")).json["code"] == "app-renamed"
    api.token = theirs  # learns nothing
    assert (await api("GET", "/apps/shop")).status == 403


async def test_only_an_admin_renames(api: Api):
    await api("POST", "/apps", {"name": "shop"})

    for role, app in ((Role.DEPLOY, None), (Role.DEPLOY, "shop"), (Role.READ, None)):
        api.token = await api.make_token(role, app)
        assert (await api("POST", "/apps/shop/rename", {"name": "store"})).status == 403
