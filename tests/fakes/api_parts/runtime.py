"""The runtime of the server, and the move of its apps."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked, Refused


class ServerRuntime:
    """One app moves at each read."""

    def __init__(self) -> None:
        super().__init__()
        self.runtime: dict[str, Any] = {
            "runtime": "podman", "setting": "podman", "target": "podman", "move": None, "chosen_at": None,
            "chosen_by": None, "obstacle": "", "services": [], "apps": [],
        }  # fmt: skip
        self.failing: dict[str, str] = {}  # app -> why it does not move
        self.obstacles: dict[str, str] = {}

    def add_app_on_runtime(self, app: str, **more: Any) -> None:
        self.runtime["apps"].append({
            "app": app, "runtime": "podman", "state": "there", "instances": ["web.1"], "memory": 0, "held": [],
            "copied": [], "hold": 30.0, "problem": "",
        } | more)  # fmt: skip

    def show_runtime(self, asked: Asked) -> dict[str, Any]:
        target = asked.query.get("to") or self.runtime["runtime"]
        waiting = [it for it in self.runtime["apps"] if it["state"] == "to move"]
        if self.runtime["move"] == "moving" and waiting:
            why = self.failing.get(waiting[0]["app"], "")
            waiting[0] |= {"state": "failed", "problem": why} if why else {"state": "there", "runtime": target}
        elif self.runtime["move"] == "moving":
            self.runtime["move"] = "settled"
        apps = [it | self._planned(it, target) for it in self.runtime["apps"]]
        return self.runtime | {"target": target, "apps": apps, "obstacle": self.obstacles.get(target, "")}

    def choose_runtime(self, asked: Asked) -> dict[str, Any]:
        name = asked.body["runtime"]
        if name in self.obstacles:
            raise Refused(422, "invalid-request", f"apps cannot move to {name}", why=self.obstacles[name], next="…")
        self.runtime |= {"runtime": name, "target": name, "move": "moving", "chosen_at": AT, "chosen_by": "admin"}
        for it in self.runtime["apps"]:
            it.update(self._planned(it, name))
        return self.runtime

    def cancel_move(self, asked: Asked) -> dict[str, Any]:
        if self.runtime["move"] != "moving":
            raise Refused(409, "no-move", "no move to another runtime is under way", next="`pvdify server runtime`")
        self.runtime |= {"move": "canceled", "runtime": "podman", "target": "podman"}
        return self.runtime

    @staticmethod
    def _planned(app: dict[str, Any], target: str) -> dict[str, Any]:
        if app["runtime"] == target or app["state"] == "failed":
            return {}
        return {"state": "to move", "memory": 64 * 1024**2}
