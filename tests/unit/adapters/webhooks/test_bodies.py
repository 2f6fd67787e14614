"""Bodies of notifications for programs and chat services."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from pvdify.adapters.webhooks import bodies
from pvdify.model.action import Action
from pvdify.model.instance import Secret
from pvdify.model.notice import Notice

AT = datetime(2026, 11, 23, 11, 31, 2, tzinfo=UTC)
LIVE = Notice(
    id=7, at=AT, action=Action("deploy.live"), actor="ci", text="deploy ghcr.io/org/shop:v2", app="shop",
    environment="production", url="https://shop.example.com", release=42, image="ghcr.io/org/shop:v2",
    digest="sha256:9f2c", commit="0123456789abcdef",
)  # fmt: skip
FAILED = Notice(
    id=8, at=AT, action=Action("deploy.failed"), actor="ci", app="shop", url="https://shop.example.com", release=43,
    failure_code="hook-failed", failure="the hook <migrate> & more failed @everyone", next="`pvdify logs shop`",
)  # fmt: skip


def test_a_generic_webhook_gets_all_fields():
    assert bodies.generic(LIVE) == {
        "type": "deploy.live",
        "timestamp": "2026-11-23T11:31:02Z",
        "data": {
            "event": 7,
            "headline": "shop v42 is live",
            "app": "shop",
            "environment": "production",
            "url": "https://shop.example.com",
            "release": 42,
            "image": "ghcr.io/org/shop:v2",
            "digest": "sha256:9f2c",
            "commit": "0123456789abcdef",
            "actor": "ci",
            "text": "deploy ghcr.io/org/shop:v2",
        },
    }
    assert bodies.generic(FAILED)["data"]["failure"] == {
        "code": "hook-failed",
        "what": "the hook <migrate> & more failed @everyone",
    }


def test_slack_gets_text_without_active_markup():
    assert bodies.slack(FAILED) == {
        "text": ":red_circle: shop v43 failed: the hook &lt;migrate&gt; &amp; more failed @\u200beveryone",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": ":red_circle: shop v43 failed: the hook &lt;migrate&gt; &amp; more failed @\u200beveryone\n"
                    "_by ci_\n_`pvdify logs shop`_",
                },
            }
        ],
    }
    assert "<https://shop.example.com>" in bodies.slack(LIVE)["blocks"][0]["text"]["text"]


def test_discord_messages_mention_no_user():
    assert bodies.discord(FAILED) == {
        "username": "pvdify",
        "embeds": [
            {
                "title": "shop",
                "description": "shop v43 failed: the hook <migrate> & more failed @everyone",
                "color": bodies.RED,
                "timestamp": "2026-11-23T11:31:02+00:00",
                "footer": {"text": "by ci · `pvdify logs shop`"},
            }
        ],
        "allowed_mentions": {"parse": []},
    }
    assert bodies.discord(LIVE)["embeds"][0]["color"] == bodies.GREEN


def test_long_texts_are_cut_to_the_limit_of_the_chat_service():
    long = Notice(id=1, at=AT, action=Action("deploy.failed"), actor="ci", failure="x" * 5000)

    assert len(bodies.discord(long)["embeds"][0]["description"]) < 2000
    assert len(json.dumps(bodies.slack(long)["blocks"])) < 3000


def test_signatures_equal_those_of_the_reference_library():
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")
    content, now = bodies.to_bytes(bodies.generic(LIVE)), datetime.now(UTC)

    headers = bodies.signed_headers("3f9a2c1b-7", now, content, secret)

    assert Webhook(str(secret)).verify(content.decode(), headers) == json.loads(content)
    with pytest.raises(WebhookVerificationError):
        Webhook(str(secret)).verify(content.decode() + " ", headers)


HOSTILE = "x \x1b]0;TITLE\x07\x1b[31m\u202e@channel <!here> [sign in](https://evil.example)\r\nshop v44 is live"


@pytest.mark.parametrize("field", ["failure", "actor", "commit", "image", "next"])
@pytest.mark.parametrize("form", [bodies.slack, bodies.discord])
def test_foreign_text_has_no_active_markup_in_chat_messages(
    form: Callable[[Notice], dict[str, Any]], field: str
) -> None:
    said = json.dumps(form(replace(FAILED, **{field: HOSTILE})), ensure_ascii=False)

    assert not [char for char in json.loads(said).__repr__() if not char.isprintable() and char != "\u200b"]
    for harm in ("TITLE", "\\u001b", "\u202e", "<!here", "\\nshop v44"):
        assert harm not in said or (form is bodies.discord and harm == "<!here")  # means nothing there


def test_foreign_text_contains_no_mention_and_no_disguised_link() -> None:
    hostile = replace(FAILED, failure=HOSTILE)

    assert "@channel" not in json.dumps(bodies.slack(hostile), ensure_ascii=False)
    assert "\\[sign in](" in bodies.discord(hostile)["embeds"][0]["description"]
