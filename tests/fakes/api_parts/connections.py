"""Notifications, PostHog and the edge."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked, Refused


class Connections:
    """Notifications, PostHog and the edge."""

    def __init__(self) -> None:
        super().__init__()
        self.notifications: list[dict[str, Any]] = []
        self.deliveries: list[dict[str, Any]] = []
        self.posthog: dict[str, Any] = {"is_connected": False, "host": None, "key": None, "annotates": None}
        self.edge: dict[str, Any] = {
            "kind": "none",
            "tunnel": None,
            "health": None,
            "process": "",
            "hostnames": [],
            "problems": [],
            "failure": None,
        }

    def add_notification(self, asked: Asked) -> dict[str, Any]:
        wanted = asked.body
        if not wanted["url"].startswith("https://"):
            raise Refused(422, "invalid-web-address", "nothing could be sent to this address", why="no https", next="…")
        self.notifications.append({
            "id": f"n{len(self.notifications) + 1}", "channel": wanted["channel"], "app": wanted.get("app"),
            "events": wanted["events"] or ["deploy.live"], "address": "https://hooks.example.com/…",
            "created_at": AT, "created_by": "admin", "secret": None,
        })  # fmt: skip
        secret = "whsec_abc" if wanted["channel"] == "webhook" else None
        return self.notifications[-1] | {"secret": secret}

    def remove_notification(self, asked: Asked, id: str) -> dict[str, Any]:
        if all(it["id"] != id for it in self.notifications):
            raise Refused(404, "notification-not-found", f"there is no notification {id}", next="`pvdify notify`")
        self.notifications = [it for it in self.notifications if it["id"] != id]
        return {}

    def add_delivery(self, **more: Any) -> dict[str, Any]:
        self.deliveries.append({
            "id": "n1-7", "notification": "n1", "event": 7, "action": "deploy.live", "app": "shop", "release": 42,
            "state": "delivered", "attempts": 1, "created_at": AT, "due_at": None, "ended_at": AT, "status": 200,
            "error": "",
        } | more)  # fmt: skip
        return self.deliveries[-1]

    def connect_edge(self, asked: Asked) -> dict[str, Any]:
        if asked.body["token"] != "cf-token":
            raise Refused(424, "edge-refused", "Cloudflare does not allow pvdify to read the list of zones", next="…")
        self.edge |= {
            "kind": "cloudflare", "tunnel": asked.body.get("tunnel") or "pvdify-own", "health": "healthy",
            "process": "pvdify-cloudflared.service runs it", "hostnames": ["shop.pvdify.win"],
        }  # fmt: skip
        return self.edge

    def connect_posthog(self, asked: Asked) -> dict[str, Any]:
        body = asked.body
        self.posthog = {
            "is_connected": True,
            "host": body["host"],
            "key": body["key"],
            "annotates": body.get("project"),
        }
        return self.posthog
