"""Builders of the requests to PostHog; pure."""

import json
import uuid
from typing import Any
from urllib.parse import quote, urlencode

from pvdify.model.instance import Secret
from pvdify.model.notice import Delivery, Notice
from pvdify.plumbing.web import WebRequest

NAMES = {
    "deploy.requested": "deploy started",
    "deploy.live": "deploy live",
    "deploy.failed": "deploy failed",
    "deploy.canceled": "deploy canceled",
    "deploy.superseded": "deploy superseded",
    "rollback.requested": "rollback started",
    "rollback.live": "rolled back",
    "rollback.failed": "rollback failed",
    "guard.tripped": "guard tripped",
    "preview.opened": "preview created",
    "preview.ended": "preview removed",
    "notify.test": "test",
}
# No free text: it may contain what a person wrote into a config, a hook or a log, and PostHog is a third party.
_FACTS = ("app", "environment", "url", "release", "image", "digest", "commit", "branch", "actor")
_NAMESPACE = uuid.UUID("5b1f6a53-6a4e-5c0f-9d55-9a6f3f5a7f0e")  # for uuid5; equal deliveries get equal ids


def capture(delivery: Delivery, keys: dict[str, Secret], server: str) -> WebRequest:
    """Return the request that sends the event.

    PostHog counts a repeated event once, because the event's ``uuid`` is derived from the delivery's id.
    """
    notice = delivery.notice
    event = {
        "event": f"pvdify {NAMES.get(notice.action, notice.action)}",
        "distinct_id": f"pvdify-{server}",
        "uuid": str(uuid.uuid5(_NAMESPACE, f"{server}/{delivery.id}")),
        "timestamp": notice.at.isoformat(),
        "properties": {"$process_person_profile": False, "$lib": "pvdify", "server": server, **_properties(notice)},
    }
    body = {"api_key": str(keys["key"]), "historical_migration": False, "batch": [event]}
    return WebRequest(
        method="POST",
        url=f"{keys['host']}/batch/",
        headers={"Content-Type": "application/json"},
        content=json.dumps(body).encode(),
    )


def annotate(notice: Notice, keys: dict[str, Secret]) -> WebRequest:
    """Return the request that marks the moment of the release in every chart of the project."""
    body = {"content": annotation_text(notice), "date_marker": notice.at.isoformat(), "scope": "project"}
    return WebRequest(method="POST", url=_annotations(keys), headers=_personal(keys), content=json.dumps(body).encode())


def find_annotation(notice: Notice, keys: dict[str, Secret]) -> WebRequest:
    """Return the request that searches the annotation. Sent before an annotation, since PostHog stores duplicates."""
    return WebRequest(
        method="GET", url=f"{_annotations(keys)}?{urlencode({'search': annotation_text(notice)})}",
        headers=_personal(keys),
    )  # fmt: skip


def annotation_text(notice: Notice) -> str:
    """Return the text, such as ``shop v42 is live (ghcr.io/org/shop:v1.2.3)``, cut to 400 characters."""
    return f"{notice.app} v{notice.release} is live ({notice.image})"[:400]


def api_host(host: str) -> str:
    """Return the base URL of PostHog's API, which on PostHog Cloud is not the one for events (``us.i.posthog.com``)."""
    return host.replace(".i.posthog.com", ".posthog.com")


def _annotations(keys: dict[str, Secret]) -> str:
    return f"{api_host(keys['host'])}/api/projects/{quote(keys['project'], safe='')}/annotations/"


def _personal(keys: dict[str, Secret]) -> dict[str, str]:
    return {"Content-Type": "application/json", "Authorization": f"Bearer {keys['personal_key']}"}


def _properties(notice: Notice) -> dict[str, Any]:
    facts = {name: getattr(notice, name) for name in _FACTS}
    if notice.failure_code is not None:
        facts["cause"] = notice.failure_code
    return {name: value for name, value in facts.items() if value is not None}
