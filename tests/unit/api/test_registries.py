"""/registries."""

from pvdify.model.token import Role
from tests.unit.api.conftest import Api

LOGIN = {"username": "octocat", "password": "an-access-token"}


async def test_a_registry_is_put_shown_listed_and_removed_and_its_password_never_shown(api: Api):
    api.machine.registry_logins.passwords["127.0.0.1:5000", "octocat"] = "an-access-token"

    put = await api("PUT", "/registries/127.0.0.1:5000", LOGIN)

    shown = {"host": "127.0.0.1:5000", "username": "octocat", "app": None, "created_at": put.json["created_at"],
             "created_by": "test"}  # fmt: skip
    assert (put.status, put.json) == (200, shown)
    assert (await api("GET", "/registries/127.0.0.1:5000")).json == shown
    assert (await api("GET", "/registries")).json == {"registries": [shown]}
    assert (await api("DELETE", "/registries/127.0.0.1:5000")).status == 204
    assert (await api("GET", "/registries/127.0.0.1:5000")).json["code"] == "registry-not-found"


async def test_a_wrong_password_is_refused_with_the_command_that_repairs_it(api: Api):
    answer = await api("PUT", "/registries/ghcr.io", LOGIN)

    assert (answer.status, answer.json["code"]) == (422, "registry-denied")
    assert "`pvdify registry:login ghcr.io -u octocat`" in answer.json["next"]
    assert "an-access-token" not in str(answer.json)


async def test_only_an_admin_changes_where_the_server_signs_in(api: Api):
    api.token = await api.make_token(Role.DEPLOY)

    answers = [await api("PUT", "/registries/ghcr.io", LOGIN), await api("DELETE", "/registries/ghcr.io")]

    assert [answer.status for answer in answers] == [403, 403]


async def test_a_token_for_one_app_sees_that_apps_logins_alone(api: Api):
    api.machine.registry_logins.passwords["ghcr.io", "octocat"] = "an-access-token"
    for app in (None, "shop", "blog"):
        await api("POST", "/apps", {"name": app} if app else None)
        assert (await api("PUT", "/registries/ghcr.io", {**LOGIN, "app": app})).status == 200
    api.token = await api.make_token(Role.READ, "shop")

    assert [it["app"] for it in (await api("GET", "/registries")).json["registries"]] == ["shop"]
    assert (await api("GET", "/registries/ghcr.io?app=blog")).json["app"] == "shop"
