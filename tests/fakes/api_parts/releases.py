"""Releases, and how deploys go."""

from typing import Any

from tests.fakes.api_parts.apps import Apps
from tests.fakes.api_parts.request import AT, Asked, Refused, Script


class Releases(Apps):
    """Releases, and how deploys go."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, dict[str, Any]] = {}
        self.script = Script()

    def add_release(self, app: str, **more: Any) -> dict[str, Any]:
        if app not in self.apps:
            self.add_app(app)
        release = {
            "app": app, "version": len(self.releases[app]) + 1, "image": "ghcr.io/org/app:v1", "digest": None,
            "config_version": 1, "status": "active", "created_at": AT, "created_by": "ci", "description": "deploy",
            "commit": None, "branch": None, "run_number": None, "failure": None, "receipt": None,
            "url": f"https://{app}.pvdify.win", "can_roll_back": False,
            "previous": len(self.releases[app]) or None,
        } | more  # fmt: skip
        self.releases[app].append(release)
        return release

    def find_release(self, app: str, version: str) -> dict[str, Any]:
        self.find_app(app)
        found = [release for release in self.releases[app] if release["version"] == int(version)]
        if not found:
            raise Refused(404, "release-not-found", f"{app} has no release v{version}", next=f"pvdify releases {app}")
        return found[0]

    def make_release(self, asked: Asked, app: str, image: str, description: str) -> dict[str, Any]:
        key = asked.headers.get("idempotency-key", "")
        if key not in self.keys:
            more = {name: asked.body[name] for name in ("commit", "branch", "run_number") if name in asked.body}
            self.keys[key] = self.add_release(app, status="pending", image=image, description=description, **more)
        return self.keys[key]

    def deploy(self, asked: Asked, app: str) -> dict[str, Any]:
        releases = self.releases.get(app, [])
        image = asked.body.get("image") or (releases[-1]["image"] if releases else None)
        if image is None:
            raise Refused(422, "nothing-to-deploy", f"{app} has no live image to repeat", next="name one: --image REF")
        return self.make_release(asked, app, image, "deploy")

    def deploy_log(self, asked: Asked, app: str, version: str) -> str:
        self.find_release(app, version)
        return "".join(f"{data}\n" for name, data in self.script.events if not name)

    def plan_rollback(self, asked: Asked, app: str) -> dict[str, Any]:
        live = self.releases[app][-1]
        target = self.find_release(app, asked.query.get("version", str(live["version"] - 1)))
        changes = _changes(live, target)
        return {
            "current": live, "target": target, "is_warm": True, "changes": changes, "volumes": self.volumes_of_plans,
        }  # fmt: skip

    def diff(self, asked: Asked, app: str, version: str) -> dict[str, Any]:
        before, after = self.find_release(app, version), self.find_release(app, asked.query["to"])
        changes = _changes(before, after)
        return {"app": app, "before": before["version"], "after": after["version"], "changes": changes}

    def rollback(self, asked: Asked, app: str) -> dict[str, Any]:
        version = asked.body.get("version") or len(self.releases[app]) - 1
        target = self.find_release(app, str(version))
        if target["status"] == "failed":
            raise Refused(409, "release-not-rollbackable", f"{app} v{version} never was live", next="choose another")
        return self.make_release(asked, app, target["image"], f"rollback to v{version}")

    def cancel(self, asked: Asked, app: str, version: str) -> dict[str, Any]:
        release = self.find_release(app, version)
        release["status"] = "canceled"
        return release


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    images = {"before": before["image"], "after": after["image"]}
    is_same = before["image"] == after["image"]
    return [] if is_same else [{"part": "image", "name": "reference", "change": "changed", **images}]
