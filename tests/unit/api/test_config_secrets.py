"""Secrets in the API: set and applied, and returned only to an admin who reveals them."""

import pytest

from pvdify.model.instance import Secret
from pvdify.model.service import ServiceLink
from pvdify.model.token import Role
from pvdify.ports.secrets import OpenedFile
from tests.fakes.clock import START
from tests.unit.api.conftest import Api

VALUE = "s3cr3t-value"


@pytest.fixture
async def shop(api: Api) -> Api:
    await api("POST", "/apps", {"name": "shop"})
    answer = await api("PATCH", "/apps/shop/config", {"KEY": {"value": VALUE, "secret": True}, "LEVEL": "info"})
    assert answer.json == {"KEY": {"secret": True}, "LEVEL": "info"}
    return api


async def test_secret_is_never_read_back(shop: Api):
    for path in ("/apps/shop/config", "/apps/shop/config/versions", "/events", "/apps/shop"):
        assert VALUE not in (await shop("GET", path)).content.decode()


async def test_names_and_values_are_judged_together(shop: Api):
    answer = await shop("PATCH", "/apps/shop/config", {"1BAD": 5, "2BAD": VALUE, "OK": 5, "PORT": VALUE})

    assert [problem.partition(":")[0] for problem in answer.json["problems"]] == [
        '"1BAD"', "1BAD", "OK", '"2BAD"', "PORT",
    ]  # fmt: skip
    assert VALUE not in answer.content.decode()


async def test_a_secret_that_is_set_again_stays_secret_unless_set_as_plain(shop: Api):
    again = await shop("PATCH", "/apps/shop/config", {"KEY": "another-value"})
    plain = await shop("PATCH", "/apps/shop/config", {"KEY": {"value": "shown-value", "secret": False}})

    assert again.json["KEY"] == {"secret": True}
    assert plain.json["KEY"] == "shown-value"


async def test_an_older_version_is_repeated_and_no_secret_is_shown_by_that(shop: Api):
    await shop("PATCH", "/apps/shop/config", {"SHOWN": "shown-at-first"})
    await shop("PATCH", "/apps/shop/config", {"SHOWN": {"value": "shown-at-first", "secret": True}, "LEVEL": "debug"})
    await shop("PATCH", "/apps/shop/config", {"KEY": "another-value", "NEW": "1"})

    back = await shop("POST", "/apps/shop/config/rollback", {"version": 2})

    assert back.json == {"version": 5, "live_version": None, "set": ["KEY", "LEVEL"], "unset": ["NEW"]}
    hidden = {"secret": True}
    assert (await shop("GET", "/apps/shop/config")).json == {"KEY": hidden, "LEVEL": "info", "SHOWN": hidden}
    revealed = await shop("POST", "/apps/shop/config/reveal", {"keys": ["KEY", "LEVEL"]})
    assert revealed.json == {"KEY": VALUE, "LEVEL": "info"}


async def test_rolling_back_to_an_equal_config_version_changes_nothing(shop: Api):
    await shop("PATCH", "/apps/shop/config", {"LEVEL": "debug"})
    await shop("POST", "/apps/shop/config/rollback", {"version": 1})

    assert (await shop("POST", "/apps/shop/config/rollback", {"version": 1})).json["version"] == 3


@pytest.mark.parametrize("version", [-1, 1, 2])
async def test_rolling_back_to_a_version_that_is_not_older_is_refused(shop: Api, version: int):
    answer = await shop("POST", "/apps/shop/config/rollback", {"version": version})

    assert (answer.status, answer.json["code"]) == (404, "config-version-not-found")


async def test_short_secret_is_refused_without_repeating_it(shop: Api):
    answer = await shop("PATCH", "/apps/shop/config", {"PIN": {"value": "4711", "secret": True}})

    assert answer.status == 422
    assert "PIN" in str(answer.json["problems"])
    assert "4711" not in answer.content.decode()


@pytest.mark.parametrize("given", [1, ["x"], {"value": 1}, {"value": "x", "secret": "yes"}, {"value": "x", "b": 1}, {}])
async def test_invalid_config_vars_are_refused(shop: Api, given: object):
    assert (await shop("PATCH", "/apps/shop/config", {"A": given})).status == 422


async def test_admin_reveals_a_secret_and_an_event_is_recorded(shop: Api):
    answer = await shop("POST", "/apps/shop/config/reveal", {"keys": ["KEY"]})

    assert answer.json == {"KEY": VALUE}
    assert answer.headers["cache-control"] == "no-store"
    (event, *_) = (await shop("GET", "/events")).json["events"]
    assert (event["action"], event["app"], event["text"]) == ("config.revealed", "shop", "KEY")


async def test_no_other_role_reveals_exports_or_imports(shop: Api):
    shop.token = await shop.make_token(Role.DEPLOY)

    asked = [
        await shop("POST", "/apps/shop/config/reveal", {"keys": ["KEY"]}),
        await shop("GET", "/apps/shop/config/file"),
        await shop("POST", "/apps/shop/config/import", {"content": "x"}),
        await shop("GET", "/secrets/recipients"),
        await shop("POST", "/secrets/rotate"),
    ]

    assert [answer.status for answer in asked] == [403] * 5


async def test_a_missing_config_var_cannot_be_revealed(shop: Api):
    assert (await shop("POST", "/apps/shop/config/reveal", {"keys": ["NONE"]})).status == 404


async def test_imported_file_becomes_the_whole_config(shop: Api):
    values = {"KEY": Secret("edited-value"), "NEW": Secret("hidden-too"), "URL": Secret("http://x")}
    shop.machine.secrets.files["text"] = OpenedFile(values=values, clear=frozenset({"URL"}))

    answer = await shop("POST", "/apps/shop/config/import", {"content": "text"})

    assert answer.json == {"version": 2, "live_version": None, "set": ["KEY", "NEW", "URL"], "unset": ["LEVEL"]}
    shown = (await shop("GET", "/apps/shop/config")).json
    assert shown == {"KEY": {"secret": True}, "NEW": {"secret": True}, "URL": "http://x"}


async def test_imported_value_that_the_app_has_as_plain_stays_plain(shop: Api):
    values = {"KEY": Secret(VALUE), "LEVEL": Secret("debug"), "NEW": Secret("x")}
    shop.machine.secrets.files["text"] = OpenedFile(values=values, marked=frozenset({"KEY"}))

    await shop("POST", "/apps/shop/config/import", {"content": "text", "plain": ["NEW"]})

    assert (await shop("GET", "/apps/shop/config")).json == {"KEY": {"secret": True}, "LEVEL": "debug", "NEW": "x"}


async def test_import_that_changes_nothing_makes_no_version(shop: Api):
    values = {"KEY": Secret(VALUE), "LEVEL": Secret("info")}
    shop.machine.secrets.files["text"] = OpenedFile(values=values, marked=frozenset({"KEY"}))

    answer = await shop("POST", "/apps/shop/config/import", {"content": "text"})

    assert answer.json == {"version": 1, "live_version": None, "set": [], "unset": []}


async def test_file_that_cannot_be_opened_changes_nothing(shop: Api):
    answer = await shop("POST", "/apps/shop/config/import", {"content": "nonsense"})

    assert (answer.status, answer.json["code"]) == (422, "invalid-config-file")
    assert (await shop("GET", "/apps/shop/config")).json == {"KEY": {"secret": True}, "LEVEL": "info"}


async def test_the_exported_file_equals_the_stored_file(shop: Api):
    answer = await shop("GET", "/apps/shop/config/file")

    assert answer.json == {"version": 1, "content": "shop v1, encrypted: KEY, LEVEL"}
    assert (await shop("GET", "/events")).json["events"][0]["action"] == "config.exported"


async def test_recipients_are_added_once_and_removed(api: Api):
    added = await api("POST", "/secrets/recipients", {"name": "recovery", "key": "age1offline"})
    twice = await api("POST", "/secrets/recipients", {"name": "recovery", "key": "age1other"})
    same_key = await api("POST", "/secrets/recipients", {"name": "bob", "key": "age1offline"})
    no_key = await api("POST", "/secrets/recipients", {"name": "bob", "key": "nonsense"})
    removed = await api("DELETE", "/secrets/recipients/recovery")
    gone = await api("DELETE", "/secrets/recipients/recovery")

    assert (added.status, added.json["recipients"][1]) == (201, {"name": "recovery", "key": "age1offline"})
    assert [twice.status, same_key.status, no_key.status] == [422] * 3
    assert (removed.status, len(removed.json["recipients"])) == (200, 1)
    assert (gone.status, gone.json["code"]) == (404, "recipient-not-found")
    actions = [event["action"] for event in (await api("GET", "/events")).json["events"]]
    assert actions[:2] == ["secrets.recipient-removed", "secrets.recipient-added"]


async def test_rotation_is_reported_and_changes_no_value(shop: Api):
    answer = await shop("POST", "/secrets/rotate")

    assert answer.json == {"files": 1, "recipients": [{"name": "pvdify", "key": "age1server2"}]}
    assert (await shop("POST", "/apps/shop/config/reveal", {"keys": ["KEY"]})).json == {"KEY": VALUE}


async def test_a_lost_key_is_reported_and_no_config_is_lost(shop: Api):
    shop.machine.secrets.is_locked = True

    locked = await shop("GET", "/apps/shop/config")
    shop.machine.secrets.is_locked = False

    assert (locked.status, locked.json["code"]) == (503, "secrets-locked")
    assert (await shop("GET", "/apps/shop/config")).json == {"KEY": {"secret": True}, "LEVEL": "info"}


async def test_a_copy_takes_plain_values_and_leaves_secrets_out(shop: Api):
    await shop("POST", "/apps", {"name": "blog"})
    await shop("PATCH", "/apps/blog/config", {"OWN": "1"})

    copied = await shop("POST", "/apps/blog/config/copy", {"source": "shop"})
    again = await shop("POST", "/apps/blog/config/copy", {"source": "shop"})

    assert copied.json == {"version": 2, "live_version": None, "set": ["LEVEL"], "left_out": ["KEY"]}
    assert (again.json["version"], again.json["set"]) == (2, [])
    assert (await shop("GET", "/apps/blog/config")).json == {"LEVEL": "info", "OWN": "1"}


async def test_a_copied_secret_stays_secret_and_is_sent_to_no_client(shop: Api):
    await shop("POST", "/apps", {"name": "blog"})

    copied = await shop("POST", "/apps/blog/config/copy", {"source": "shop", "keys": ["KEY"], "secrets": True})

    assert copied.json == {"version": 1, "live_version": None, "set": ["KEY"], "left_out": []}
    assert (await shop("GET", "/apps/blog/config")).json == {"KEY": {"secret": True}}
    assert (await shop("POST", "/apps/blog/config/reveal", {"keys": ["KEY"]})).json == {"KEY": VALUE}
    events = (await shop("GET", "/events")).json["events"]
    assert ("config.copied", "shop", "to blog: KEY") in [(it["action"], it["app"], it["text"]) for it in events]
    assert VALUE not in str(events)


@pytest.mark.parametrize(
    ("role", "app", "secrets", "status"),
    [
        (Role.DEPLOY, "blog", False, 403), (Role.DEPLOY, "shop", False, 403), (Role.READ, None, False, 403),
        (Role.DEPLOY, None, True, 200),
    ],
)  # fmt: skip
async def test_a_copy_needs_both_apps(shop: Api, role: Role, app: str | None, secrets: bool, status: int):
    await shop("POST", "/apps", {"name": "blog"})
    shop.token = await shop.make_token(role, app)

    answer = await shop("POST", "/apps/blog/config/copy", {"source": "shop", "secrets": secrets})

    assert answer.status == status


async def test_copying_from_a_missing_app_is_refused(shop: Api):
    await shop("POST", "/apps", {"name": "blog"})

    assert (await shop("POST", "/apps/blog/config/copy", {"source": "none"})).status == 404
    missing = await shop("POST", "/apps/blog/config/copy", {"source": "shop", "keys": ["NONE"]})
    assert (missing.status, missing.json["code"]) == (404, "config-var-not-found")


async def test_the_url_of_a_linked_service_is_a_secret_that_names_the_service(shop: Api):
    link = ServiceLink(
        service="db-1", app="shop", variable="DATABASE_URL", hostname="db", subnet="", created_at=START, created_by="x"
    )
    await shop.machine.store.save(link)

    plain = await shop("GET", "/apps/shop/config")
    versioned = await shop("GET", "/apps/shop/config?versions=1")
    refused = await shop("PATCH", "/apps/shop/config", {"DATABASE_URL": "mine"})
    hidden = await shop("POST", "/apps/shop/config/reveal", {"keys": ["DATABASE_URL"]})

    assert plain.json == {
        "KEY": {"secret": True}, "LEVEL": "info", "DATABASE_URL": {"secret": True, "service": "db"}
    }  # fmt: skip
    assert versioned.json["vars"] == plain.json
    assert (refused.status, refused.json["code"]) == (409, "service-linked")
    assert (hidden.status, hidden.json["code"]) == (404, "config-var-not-found")
    assert "the URL of the service db" in hidden.json["why"]
