"""Volumes of apps."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked, Refused


class Volumes:
    """What apps keep between releases."""

    def __init__(self) -> None:
        super().__init__()
        self.volumes: dict[str, list[dict[str, Any]]] = {}

    def add_volume(self, app: str, name: str, **more: Any) -> dict[str, Any]:
        volume = {
            "name": name, "state": "used", "path": f"/{name}", "processes": ["web"], "shared": False, "size": 1_500_000,
            "created_at": AT, "trashed_at": None, "deleted_at": None,
            "last_backup_at": None,
        } | more  # fmt: skip
        self.volumes.setdefault(app, []).append(volume)
        return volume

    def destroy_volume(self, asked: Asked, app: str, name: str) -> None:
        volume = self._find_volume(app, name)
        if volume["state"] == "used":
            raise Refused(409, "volume-in-use", f"the volume {name} of {app} was not destroyed", why="v1 uses it")
        if asked.query.get("purge") == "1":
            self.volumes[app].remove(volume)
        else:
            volume.update(state="trash", path=None, processes=[], trashed_at=AT, deleted_at=AT)

    def restore_volume(self, asked: Asked, app: str, name: str) -> None:
        self._find_volume(app, name).update(state="unused", trashed_at=None, deleted_at=None)

    def _find_volume(self, app: str, name: str) -> dict[str, Any]:
        found = next((it for it in self.volumes.get(app, ()) if it["name"] == name), None)
        if found is None:
            raise Refused(404, "volume-not-found", f"{app} has no volume {name}")
        return found
