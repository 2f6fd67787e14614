"""/notifications, /deliveries and /posthog."""

from pvdify.model.notice import Attempt, Channel
from pvdify.model.token import Role
from tests.unit.api.conftest import Api

HOOK = {"url": "https://hooks.example.com/s3cret", "channel": "slack"}


async def test_a_notification_is_added_listed_tested_and_removed(api: Api):
    added = await api("POST", "/notifications", HOOK)

    id = added.json["id"]
    assert added.status == 201
    assert added.headers["location"] == f"/api/v1/notifications/{id}"
    assert added.json["secret"] is None
    listed = await api("GET", "/notifications")
    assert "s3cret" not in str(listed.json)
    assert [it["id"] for it in listed.json["notifications"]] == [id]
    assert (await api("POST", f"/notifications/{id}/test")).json["state"] == "delivered"
    assert [it["event"] for it in (await api("GET", f"/deliveries?notification={id}")).json["deliveries"]] == [0]
    assert (await api("DELETE", f"/notifications/{id}")).status == 204
    assert (await api("DELETE", f"/notifications/{id}")).json["code"] == "notification-not-found"


async def test_the_key_of_a_webhook_is_only_in_the_answer_that_creates_it(api: Api):
    added = await api("POST", "/notifications", {"url": "https://example.com/hook"})

    assert added.json["secret"].startswith("whsec_")
    assert (await api("GET", "/notifications")).json["notifications"][0]["secret"] is None


async def test_a_failed_test_delivery_is_a_result_and_not_an_error(api: Api):
    id = (await api("POST", "/notifications", HOOK)).json["id"]
    api.machine.outlets[Channel.SLACK].attempts.append(Attempt(is_delivered=False, text="connection refused"))

    answer = await api("POST", f"/notifications/{id}/test")

    assert (answer.status, answer.json["state"], answer.json["error"]) == (200, "failed", "connection refused")


async def test_posthog_shows_its_public_key_and_never_a_personal_one(api: Api):
    body = {"host": "https://eu.i.posthog.com", "key": "phc_a", "project": "7", "personal_key": "phx_s3cret"}

    connected = await api("PUT", "/posthog", body)

    shown = {"is_connected": True, "host": "https://eu.i.posthog.com", "key": "phc_a", "annotates": "7"}
    assert (connected.status, connected.json) == (200, shown)
    assert (await api("GET", "/posthog")).json == shown
    assert (await api("DELETE", "/posthog")).status == 204
    assert (await api("GET", "/posthog")).json["is_connected"] is False


async def test_only_an_admin_changes_notifications(api: Api):
    api.token = await api.make_token(Role.DEPLOY)

    answers = [
        await api("POST", "/notifications", HOOK),
        await api("GET", "/deliveries"),
        await api("PUT", "/posthog", {"host": "https://eu.i.posthog.com", "key": "phc_a"}),
    ]

    assert [answer.status for answer in answers] == [403, 403, 403]
