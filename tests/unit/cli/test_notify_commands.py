"""``pvdify notify``, ``pvdify posthog`` and their siblings."""

import json

from tests.fakes.api import FakeApi
from tests.unit.cli.conftest import Pvdify, Ran


def test_a_program_is_notified_and_gets_the_key_once(pvdify: Pvdify, api: FakeApi) -> None:
    added = pvdify("notify:add", "https://hooks.example.com/x", "--app", "shop", "--event", "deploy.*")

    assert added == Ran(
        stdout="n1: https://hooks.example.com/… is notified of deploy.* of shop\nsigning key: whsec_abc\n",
        stderr="the receiver checks signatures with it (standardwebhooks.com); it is not shown again\n"
        "try it: pvdify notify:test n1; undo: pvdify notify:remove n1\n",
    )
    assert pvdify("notify") == Ran(
        stdout="ID  CHANNEL  APP   EVENTS    ADDRESS                      ADDED BY\n"
        "n1  webhook  shop  deploy.*  https://hooks.example.com/…  admin\n"
    )
    assert json.loads(pvdify("notify", "--json").stdout)["notifications"][0]["secret"] is None


def test_a_secret_webhook_url_is_read_from_stdin(pvdify: Pvdify, api: FakeApi) -> None:
    added = pvdify("notify:add", "--channel", "slack", "-", stdin="https://hooks.slack.com/services/T0/s3cret\n")

    assert added.code == 0
    assert "s3cret" not in added.stdout + added.stderr
    assert api.asked[-1].body == {
        "url": "https://hooks.slack.com/services/T0/s3cret", "channel": "slack", "events": []
    }  # fmt: skip


def test_a_test_notification_prints_its_result(pvdify: Pvdify, api: FakeApi) -> None:
    api.add_delivery()
    assert pvdify("notify:test", "n1") == Ran(stdout="delivered: the other side answered 200\n")

    api.add_delivery(state="failed", status=404, error="answered 404")
    assert pvdify("notify:test", "n1") == Ran(
        stdout="not delivered: answered 404\n",
        stderr="check the address; if it has changed, add a new notification\n",
        code=1,
    )


def test_the_delivery_log_shows_pending_retries(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("notify:log").stderr == "nothing was delivered yet\n"
    api.add_delivery()
    api.add_delivery(
        state="pending", attempts=3, status=None, error="connection refused", ended_at=None,
        due_at="2026-11-23T11:32:00Z",
    )  # fmt: skip

    assert pvdify("notify:log", "n1") == Ran(
        stdout="WHEN                  TO  EVENT        APP       STATE      TRIES  LAST ANSWER         NEXT TRY\n"
        "2026-11-23 11:31:02Z  n1  deploy.live  shop v42  delivered  1      200                 -\n"
        "2026-11-23 11:31:02Z  n1  deploy.live  shop v42  pending    3      connection refused  2026-11-23 11:32:00Z\n"
    )


def test_a_notification_is_removed(pvdify: Pvdify, api: FakeApi) -> None:
    pvdify("notify:add", "https://hooks.example.com/x")

    assert pvdify("notify:remove", "n1") == Ran(stdout="n1 is removed\n")
    assert pvdify("notify:remove", "n1").code == 4
    assert pvdify("notify").stderr == "there are no notifications; to add one: pvdify notify:add --help\n"


def test_posthog_is_connected_shown_and_disconnected(pvdify: Pvdify, api: FakeApi) -> None:
    assert pvdify("posthog").stderr == "not connected; to connect: pvdify posthog:connect --help\n"

    connect = ("posthog:connect", "--host", "https://eu.i.posthog.com", "--key", "phc_a")
    assert pvdify(*connect, "--project", "7", "--personal-key", "-", stdin="phx_s3cret\n") == Ran(
        stdout="host       https://eu.i.posthog.com\nkey        phc_a\nannotates  every release, in project 7\n",
        stderr="apps without their own get POSTHOG_HOST and POSTHOG_KEY when they are started next: pvdify deploy APP\n"
        "undo: pvdify posthog:remove\n",
    )
    assert api.asked[-1].body["personal_key"] == "phx_s3cret"
    assert pvdify(*connect, "--project", "7").code == 2
    assert pvdify("posthog:remove").stdout == "PostHog is disconnected\n"
