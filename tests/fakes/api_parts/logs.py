"""What instances wrote and the router saw."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked


class Logs:
    """What instances wrote and the router saw."""

    def __init__(self) -> None:
        super().__init__()
        self.log_lines: list[dict[str, Any]] = []
        self.visits: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    def add_log_line(self, text: str, **more: Any) -> None:
        at = f"2026-11-23T11:31:{len(self.log_lines):02d}Z"
        line = {"at": at, "process": "web", "number": 1, "release": 1, "stream": "stdout", "text": text}
        self.log_lines.append(line | more)

    def add_event(self, action: str, **more: Any) -> None:
        event = {"id": len(self.events) + 1, "at": AT, "actor": "ci", "action": action, "app": "shop",
                 "release": None, "text": "", "address": ""}  # fmt: skip
        self.events.append(event | more)

    def matching_events(self, asked: Asked) -> dict[str, Any]:
        wanted = {name: asked.query[name] for name in ("app", "actor") if name in asked.query}
        kind = asked.query.get("kind")
        found = [
            event for event in self.events
            if all(event[name] == value for name, value in wanted.items())
            and (kind is None or event["action"] == kind or event["action"].startswith(f"{kind}."))
        ]  # fmt: skip
        return {"events": found[::-1][: int(asked.query["limit"])]}

    def add_visit(self, **more: Any) -> None:
        self.visits.append({
            "at": AT, "request_id": "abc", "client": "203.0.113.7", "protocol": "https", "method": "GET",
            "host": "shop.pvdify.win", "path": "/cart", "status": 200, "seconds": 0.012, "wait": 0.009,
            "bytes_in": 117, "bytes_out": 135, "app": "shop", "release": 42, "instance": 1, "retries": 0,
            "ended": "----", "agent": "curl",
        } | more)  # fmt: skip
