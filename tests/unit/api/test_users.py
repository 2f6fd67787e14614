"""/users, /sessions and /sign-in-links."""

from pvdify.model.token import Role
from tests.unit.api.conftest import Api


async def test_a_sign_in_link_signs_in_its_creator(api: Api) -> None:
    api.machine.host.listeners = set()
    answer = await api("POST", "/sign-in-links", {})

    assert (answer.status, answer.json["name"]) == (201, "test")
    assert answer.json["url"] == f"http://127.0.0.1:9443{answer.json['path']}"
    assert answer.headers["cache-control"] == "no-store"
    session, _ = await api.engine.sessions.open_link(answer.json["path"].rpartition("/")[2], "", "")
    assert (session.name, session.holder) == ("test", api.token.split("_")[1])


async def test_a_sign_in_link_uses_the_public_address_with_https(api: Api) -> None:
    api.machine.host.listeners = {443}

    assert (await api("POST", "/sign-in-links", {})).json["url"].startswith("https://example.com/sign-in/link/")


async def test_a_token_of_one_app_signs_in_with_its_own_rights(api: Api) -> None:
    await api("POST", "/apps", {"name": "shop"})
    api.token = await api.make_token(Role.READ, "shop")

    path = (await api("POST", "/sign-in-links", {})).json["path"]

    _, text = await api.engine.sessions.open_link(path.rpartition("/")[2], "", "")
    signed_in = await api.engine.sessions.who(text)
    assert signed_in is not None
    assert (signed_in.actor.role, signed_in.actor.app) == (Role.READ, "shop")


async def test_users_are_invited_changed_and_removed(api: Api) -> None:
    await api("POST", "/apps", {"name": "shop"})
    made = await api("POST", "/users", {"name": "Ada", "role": "deploy", "email": "ada@example.com"})
    assert (made.status, made.json["user"]["is_invited"]) == (201, True)
    assert made.json["path"].startswith("/invitation/")

    changed = await api("PATCH", "/users/Ada", {"role": "read", "app": "shop"})
    listed = (await api("GET", "/users")).json["users"]
    again = await api("POST", "/users", {"name": "Ada", "again": True})
    removed = await api("DELETE", f"/users/{made.json['user']['id']}")

    assert (changed.json["role"], changed.json["app"]) == ("read", "shop")
    assert [(it["name"], it["role"]) for it in listed] == [("Ada", "read")]
    assert again.json["user"]["id"] == made.json["user"]["id"]
    assert again.json["path"] != made.json["path"]
    assert (removed.status, (await api("GET", "/users")).json["users"]) == (204, [])
    assert (await api("DELETE", "/users/Ada")).json["code"] == "user-not-found"


async def test_secrets_of_people_are_in_no_answer(api: Api) -> None:
    made = await api("POST", "/users", {"name": "Ada"})
    secret = made.json["path"].rpartition("/")[2]
    _, text = await api.engine.users.accept(secret, "", "")

    for path in ("/users", "/sessions", "/events"):
        content = (await api("GET", path)).content.decode()
        assert secret not in content
        assert text not in content
        assert "digest" not in content


async def test_sessions_are_listed_and_ended(api: Api) -> None:
    secret = (await api("POST", "/users", {"name": "Ada"})).json["path"].rpartition("/")[2]
    session, text = await api.engine.users.accept(secret, "192.0.2.1", "Firefox")

    listed = (await api("GET", "/sessions")).json["sessions"]
    ended = await api("DELETE", f"/sessions/{session.id}")

    assert [(it["name"], it["way"], it["address"], it["agent"]) for it in listed] == [
        ("Ada", "invitation", "192.0.2.1", "Firefox")
    ]
    assert ended.status == 204
    assert await api.engine.sessions.who(text) is None
    assert (await api("DELETE", f"/sessions/{session.id}")).json["code"] == "session-not-found"


async def test_a_user_is_signed_out_everywhere(api: Api) -> None:
    secret = (await api("POST", "/users", {"name": "Ada"})).json["path"].rpartition("/")[2]
    _, text = await api.engine.users.accept(secret, "", "")

    assert (await api("DELETE", "/users/ada/sessions")).status == 204
    assert await api.engine.sessions.who(text) is None
