"""/apps/{app}/github and /auth/github."""

from typing import Any

from pvdify.model.link import Repository
from pvdify.model.token import Role
from tests.support.asgi import Answer, ask
from tests.support.issuer import claims_of_a_push
from tests.unit.api.conftest import IMAGE, Api

SHOP = Repository(name="org/shop", id=74, owner_id=65)
PULL_REQUEST = {"event_name": "pull_request", "ref": "refs/pull/12/merge"}


async def link(api: Api, **wanted: Any) -> Answer:
    api.machine.code_host.repositories["org/shop"] = SHOP
    return await api("POST", "/apps/shop/github", {"repository": "org/shop", **wanted})


async def exchange(api: Api, app: str = "shop", address: str | None = None, **changed: Any) -> Answer:
    token = api.machine.identities.issue(**claims_of_a_push(api.machine.clock.now(), **changed))
    return await ask(api.application, "POST", "/api/v1/auth/github", {"token": token, "app": app}, client=address)


async def test_a_linked_repository_can_deploy_only_its_app_for_ten_minutes(api: Api):
    made = await link(api)

    given = await exchange(api)

    assert (made.status, made.json["repository_id"], made.json["branch"]) == (201, 74, "main")
    assert (given.status, given.json["app"], given.json["role"]) == (200, "shop", "deploy")
    assert given.headers["cache-control"] == "no-store"
    api.token = given.json["token"]
    assert (await api("POST", "/apps/shop/releases", {"image": IMAGE})).status == 202
    assert (await api("POST", "/apps/other/releases", {"image": IMAGE})).status == 403
    assert (await api("POST", "/apps/shop/github", {"repository": "org/shop"})).status == 403
    assert (await api("GET", "/tokens")).status == 403
    api.machine.clock.jump(600)
    assert (await api("GET", "/apps/shop")).status == 401


async def test_the_workflow_is_recorded_in_events_and_in_the_release(api: Api):
    await link(api)
    admin, api.token = api.token, (await exchange(api)).json["token"]

    release = (await api("POST", "/apps/shop/releases", {"image": IMAGE})).json

    assert release["created_by"] == "octocat via org/shop"
    api.token = admin
    event = next(it for it in (await api("GET", "/events")).json["events"] if it["action"] == "token.exchanged")
    assert (event["app"], event["actor"]) == ("shop", "github:org/shop")
    assert event["text"].startswith("actor octocat, repository org/shop, ref refs/heads/main, event_name push, run_id")


async def test_a_pull_request_workflow_deploys_only_its_own_preview(api: Api):
    await link(api, previews=True)

    api.token = (await exchange(api, "shop-pr-12", **PULL_REQUEST)).json["token"]

    assert (await api("PUT", "/apps/shop/previews/12", {"image": IMAGE})).status == 202
    assert (await api("PUT", "/apps/shop/previews/13", {"image": IMAGE})).status == 403
    assert (await api("POST", "/apps/shop/releases", {"image": IMAGE})).status == 403
    await api.daemon.finish("shop-pr-12", 1)
    assert (await api("GET", "/apps/shop-pr-12/releases/1/log")).status == 200
    assert (await api("DELETE", "/apps/shop/previews/12")).status == 200


async def test_every_refusal_names_the_claim(api: Api):
    await link(api)

    wrong_branch = await exchange(api, jti="2", ref="refs/heads/develop")
    foreign = await exchange(api, jti="3", repository_id="99")
    late = await exchange(api, jti="4", exp=1)

    assert (wrong_branch.status, wrong_branch.json["code"]) == (401, "identity-refused")
    assert wrong_branch.json["why"] == 'ref is "refs/heads/develop", expected "refs/heads/main"'
    assert foreign.json["why"] == 'repository_id is "99", which is not linked to shop'
    assert late.json["why"].startswith("exp was 1970-01-01")


async def test_a_token_is_exchanged_once(api: Api):
    await link(api)
    await exchange(api)

    again = await exchange(api)

    assert (again.status, again.json["why"].split()[0]) == (401, "jti")


async def test_a_refused_token_is_not_used_up(api: Api):
    assert (await exchange(api)).status == 401

    await link(api)

    assert (await exchange(api)).status == 200


async def test_a_refusal_for_an_app_without_a_link_reveals_nothing_about_it(api: Api):
    answer = await exchange(api, "nothing-here")

    assert answer.json["why"] == 'repository_id is "74", which is not linked to nothing-here'


async def test_unlinking_revokes_the_issued_tokens(api: Api):
    await link(api, previews=True)
    admin = api.token
    held = [
        (await exchange(api)).json["token"],
        (await exchange(api, "shop-pr-12", jti="2", **PULL_REQUEST)).json["token"],
    ]

    assert (await api("DELETE", "/apps/shop/github/Org/Shop")).status == 204

    for token in held:
        api.token = token
        assert (await api("GET", "/whoami")).status == 401
    api.token = admin
    assert (await api("GET", "/apps/shop/github")).json == {"links": []}
    assert (await api("DELETE", "/apps/shop/github/org/shop")).json["code"] == "link-not-found"
    assert (await exchange(api, jti="3")).status == 401


async def test_linking_again_replaces_the_link(api: Api):
    await link(api)
    await link(api, branch="production", environment="live", previews=True)

    listed = (await api("GET", "/apps/shop/github")).json["links"]

    assert [(it["branch"], it["environment"], it["previews"]) for it in listed] == [("production", "live", True)]


async def test_a_private_repository_needs_its_numeric_ids(api: Api):
    unknown = await api("POST", "/apps/shop/github", {"repository": "org/private"})
    numbers = {"repository": "org/private", "repository_id": 80, "owner_id": 65}

    assert (unknown.status, unknown.json["code"]) == (404, "repository-not-found")
    assert "gh api repos/org/private" in unknown.json["next"]
    assert (await api("POST", "/apps/shop/github", numbers)).json["repository_id"] == 80
    api.machine.code_host.is_down = True
    down = await api("POST", "/apps/shop/github", {"repository": "org/private"})
    assert (down.status, down.json["code"]) == (503, "code-host-unavailable")


async def test_only_an_admin_links(api: Api):
    api.token = await api.make_token(Role.DEPLOY)

    assert (await link(api)).status == 403
    assert (await api("GET", "/apps/shop/github")).status == 200


async def test_destroying_an_app_removes_its_links_and_tokens(api: Api):
    await link(api)
    admin, api.token = api.token, (await exchange(api)).json["token"]
    await api("POST", "/apps/shop/releases", {"image": IMAGE})
    await api.daemon.finish("shop", 1)
    held, api.token = api.token, admin

    await api("DELETE", "/apps/shop?confirm=shop")
    await api.daemon.finish_retirements()

    assert (await api("GET", "/apps/shop/github")).json == {"links": []}
    api.token = held
    assert (await api("GET", "/whoami")).status == 401


async def test_expired_tokens_are_deleted(api: Api):
    await link(api)
    for number in range(3):
        await exchange(api, jti=f"{number}")

    api.machine.clock.jump(2 * 3600)
    await exchange(api, jti="3")

    assert len((await api("GET", "/tokens")).json["tokens"]) == 2  # the admin's, and the newest


async def test_refused_exchanges_are_rate_limited_per_repository_and_not_per_address(api: Api):
    await link(api)
    for number in range(30):
        refused = await exchange(api, jti=f"{number}", repository_id="99", address="192.0.2.9")
        assert refused.status == 401

    assert (await exchange(api, jti="30", repository_id="99", address="192.0.2.8")).status == 429
    assert (await exchange(api, jti="31", address="192.0.2.9")).status == 200


async def test_tokens_with_invalid_signatures_are_rate_limited_per_address(api: Api):
    await link(api)

    async def forged() -> int:
        body = {"token": "forged", "app": "shop"}
        return (await ask(api.application, "POST", "/api/v1/auth/github", body, client="192.0.2.9")).status

    assert [await forged() for _ in range(31)] == [401] * 30 + [429]
    assert (await exchange(api, address="192.0.2.9")).status == 200


async def test_a_links_events_and_workflow_are_listed_and_enforced(api: Api):
    made = await link(api, events=["workflow_run"], workflow="deploy.yml")
    run = {"event_name": "workflow_run", "workflow_ref": "org/shop/.github/workflows/deploy.yml@refs/heads/main"}

    assert (made.json["events"], made.json["workflow"]) == (["workflow_run"], "deploy.yml")
    assert (await exchange(api, jti="1", **run)).status == 200
    assert (await exchange(api, jti="2")).json["why"] == 'event_name is "push", expected workflow_run'


async def test_a_merged_pull_request_closes_only_its_own_preview(api: Api):
    await link(api, previews=True)
    for number, branch in ((12, "fix-login"), (13, "other")):
        await api("PUT", f"/apps/shop/previews/{number}", {"image": IMAGE, "branch": branch})
    merged = {"event_name": "pull_request", "ref": "refs/heads/main", "head_ref": "fix-login"}

    given = await exchange(api, "shop-pr-12", jti="1", **merged)

    assert given.status == 200
    assert (await exchange(api, "shop-pr-13", jti="2", **merged)).status == 401
    assert (await exchange(api, "shop-pr-14", jti="3", **merged)).status == 401
    api.token = given.json["token"]
    assert (await api("DELETE", "/apps/shop/previews/12")).status == 200


async def test_a_link_grants_hostnames_that_are_revoked_with_it(api: Api):
    await link(api, domains=["Shop.Net"])
    admin, api.token = api.token, (await exchange(api)).json["token"]
    body = {"image": IMAGE, "manifest": {"domains": ["shop.net"]}}

    assert (await api("POST", "/apps/shop/releases", body)).status == 202

    api.token = admin
    assert [it["created_by"] for it in (await api("GET", "/apps/shop/grants")).json["grants"]] == ["github:org/shop"]
    await api("DELETE", "/apps/shop/github/org/shop")
    assert (await api("GET", "/apps/shop/grants")).json == {"grants": []}
