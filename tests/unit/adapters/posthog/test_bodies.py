"""Bodies of events and annotations for PostHog."""

import json
from datetime import UTC, datetime

from pvdify.adapters.posthog import bodies
from pvdify.model.instance import Secret
from pvdify.model.notice import Delivery, Notice

AT = datetime(2026, 11, 23, 11, 31, 2, tzinfo=UTC)
KEYS = {"host": Secret("https://eu.i.posthog.com"), "key": Secret("phc_abc")}
PERSONAL = {"host": Secret("https://eu.i.posthog.com"), "personal_key": Secret("phx_def"), "project": Secret("7")}
NOTICE = Notice(
    id=8, at=AT, action="deploy.failed", actor="ci", text="hook-failed: free text", app="shop", release=43,
    environment="production", url="https://shop.example.com", image="ghcr.io/org/shop:v2",
    failure_code="hook-failed", failure="free text", next="free text",
)  # fmt: skip


def delivery(id: str = "posthog-8") -> Delivery:
    return Delivery(id=id, subscription="posthog", notice=NOTICE, created_at=AT, due_at=AT)


def test_an_event_has_structured_fields_and_no_free_text():
    request = bodies.capture(delivery(), KEYS, "0123456789")

    body = json.loads(request.content)
    uuid = body["batch"][0].pop("uuid")
    assert (request.method, request.url) == ("POST", "https://eu.i.posthog.com/batch/")
    assert len(uuid) == 36
    assert body == {
        "api_key": "phc_abc",
        "historical_migration": False,
        "batch": [
            {
                "event": "pvdify deploy failed",
                "distinct_id": "pvdify-0123456789",
                "timestamp": "2026-11-23T11:31:02+00:00",
                "properties": {
                    "$process_person_profile": False,
                    "$lib": "pvdify",
                    "server": "0123456789",
                    "app": "shop",
                    "environment": "production",
                    "url": "https://shop.example.com",
                    "release": 43,
                    "image": "ghcr.io/org/shop:v2",
                    "actor": "ci",
                    "cause": "hook-failed",
                },
            }
        ],
    }


def test_the_same_delivery_is_the_same_event_however_often_it_is_sent():
    def uuid(request):
        return json.loads(request.content)["batch"][0]["uuid"]

    first, again = (bodies.capture(delivery(), KEYS, "s") for _ in range(2))

    assert uuid(first) == uuid(again)
    assert uuid(first) != uuid(bodies.capture(delivery("posthog-9"), KEYS, "s"))
    assert uuid(first) != uuid(bodies.capture(delivery(), KEYS, "another server"))


def test_annotations_go_to_the_api_of_the_same_region_with_the_personal_key():
    request = bodies.annotate(NOTICE, PERSONAL)

    assert request.url == "https://eu.posthog.com/api/projects/7/annotations/"
    assert request.headers["Authorization"] == "Bearer phx_def"
    assert json.loads(request.content) == {
        "content": "shop v43 is live (ghcr.io/org/shop:v2)",
        "date_marker": "2026-11-23T11:31:02+00:00",
        "scope": "project",
    }
    assert bodies.api_host("https://posthog.example.com") == "https://posthog.example.com"
    assert "phx_def" not in repr(request)
