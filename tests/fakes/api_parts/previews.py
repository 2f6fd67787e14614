"""Previews and linked repositories."""

from typing import Any

from tests.fakes.api_parts.releases import Releases
from tests.fakes.api_parts.request import AT, Asked, Refused


class Previews(Releases):
    """Previews and linked repositories."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[tuple[str, str], dict[str, Any]] = {}
        self.previews: dict[tuple[str, int], dict[str, Any]] = {}

    def preview(self, app: str, number: str) -> dict[str, Any]:
        if (app, int(number)) not in self.previews:
            raise Refused(404, "preview-not-found", f"{app} has no preview of pull request {number}", next="previews")
        return self.previews[app, int(number)]

    def put_preview(self, asked: Asked, app: str, number: str) -> dict[str, Any]:
        name = f"{app}-pr-{number}"
        image = asked.body.get("image") or self.releases.get(name, [{}])[-1].get("image")
        if image is None:
            raise Refused(422, "nothing-to-deploy", f"{name} is new, so it needs an image", next="--image REF")
        self.previews[app, int(number)] = {
            "app": app, "pr": int(number), "name": name, "url": f"https://{name}.pvdify.win", "status": "open",
            "repository": asked.body.get("repository"), "image": image, "created_at": AT, "renewed_at": AT,
            "closed_at": None, "ends_at": "2026-11-30T11:31:02Z",
            "release": self.make_release(asked, name, image, "deploy"),
        }  # fmt: skip
        return self.previews[app, int(number)]

    def close_preview(self, asked: Asked, app: str, number: str) -> dict[str, Any]:
        preview = self.preview(app, number)
        return preview | {"status": "closed", "closed_at": AT, "ends_at": "2026-11-24T11:31:02Z"}

    def keep_preview(self, asked: Asked, app: str, number: str) -> dict[str, Any]:
        return self.preview(app, number) | {"ends_at": "2026-11-24T11:31:02Z"}

    def link(self, asked: Asked, app: str) -> dict[str, Any]:
        wanted = asked.body
        self.links[app, wanted["repository"]] = {
            "app": app, "repository": wanted["repository"], "repository_id": wanted.get("repository_id", 74),
            "owner_id": wanted.get("owner_id", 65), "branch": wanted["branch"],
            "environment": wanted.get("environment"), "previews": wanted["previews"],
            "events": wanted.get("events") or ["push", "workflow_dispatch", "schedule", "release"],
            "workflow": wanted.get("workflow"), "created_at": AT,
            "created_by": "admin",
        }  # fmt: skip
        return self.links[app, wanted["repository"]]

    def unlink(self, asked: Asked, app: str, owner: str, name: str) -> None:
        if self.links.pop((app, f"{owner}/{name}"), None) is None:
            raise Refused(
                404, "link-not-found", f"{app} is not linked to {owner}/{name}", next=f"`pvdify github {app}`"
            )
