"""Backups of the server."""

from typing import Any

from tests.fakes.api_parts.request import AT, Asked, Refused

BACKUP = "20261123T030000"


class Backups:
    """Where they go, and what is done with them."""

    def __init__(self) -> None:
        super().__init__()
        self.backup_target: dict[str, Any] | None = None
        self.backup_keys: dict[str, str] = {}
        self.backups: list[dict[str, Any]] = []
        self.backup_tasks: dict[str, dict[str, Any]] = {}
        self.restores: list[dict[str, Any]] = []

    def add_backup(self, **more: Any) -> dict[str, Any]:
        item = {"kind": "volume", "app": "myapp", "name": "data", "files": 12, "bytes": 1_500_000, "rows": 300,
                "added": 900_000, "held": 0.21, "problem": ""}  # fmt: skip
        backup = {
            "id": BACKUP, "state": "stored", "made_at": AT, "made_by": "pvdify", "ended_at": AT, "bytes": 1_500_000,
            "cause": "", "drilled_at": None, "proven_at": None, "problems": [], "items": [item],
        } | more  # fmt: skip
        self.backups.insert(0, backup)
        return backup

    def set_backup_target(self, asked: Asked) -> dict[str, Any]:
        is_new = self.backup_target is None
        self.backup_keys = asked.body.get("keys", {})
        self.backup_target = {
            "location": asked.body["location"], "schedule": "0 3 * * *", "drills": "0 5 * * 0", "time_zone": "UTC",
            "keep_daily": 7, "keep_weekly": 4, "keep_monthly": 6, "size": None, "trouble": "", "next_backup_at": AT,
            "next_drill_at": AT, "password": None,
        }  # fmt: skip
        return self.backup_target | ({"password": "the-password"} if is_new else {})

    def schedule_backups(self, asked: Asked) -> dict[str, Any]:
        target = self._target()
        target.update({key: "" if value == "none" else value for key, value in asked.body.items()})
        return target

    def list_backups(self, asked: Asked) -> dict[str, Any]:
        return {"target": self.backup_target, "backups": self.backups, "tasks": list(self.backup_tasks.values())}

    def run_backup(self, asked: Asked) -> dict[str, Any]:
        self._target()
        self.add_backup()
        return self._task("backup", ["the volume data of myapp: 12 files, 1.5 MB; 900 kB sent"])

    def verify_backup(self, asked: Asked) -> dict[str, Any]:
        backup = self.backups[0]
        if asked.body.get("accept_smaller") or not backup["problems"]:
            return self._task("verify", ["the volume data of myapp: restored, and equal"])
        return self._task("verify", [], state="failed", cause="; ".join(backup["problems"]))

    def plan_restore(self, asked: Asked) -> dict[str, Any]:
        app, to = asked.body["app"], asked.body.get("to") or asked.body["app"]
        if to == app and not asked.body.get("replace"):
            raise Refused(409, "volume-exists", f"the volume data of {app} was not restored", why="it is there")
        steps = [f"restore the volume data of {to}: 12 files, 1.5 MB"]
        return {"backup": BACKUP, "made_at": AT, "proven_at": None, "steps": steps}

    def restore_backup(self, asked: Asked) -> dict[str, Any]:
        self.plan_restore(asked)
        self.restores.append(asked.body)
        return self._task("restore", ["the volume data of myapp: 12 files restored"])

    def backup_task(self, asked: Asked, id: str) -> dict[str, Any]:
        return self.backup_tasks[id]

    def _target(self) -> dict[str, Any]:
        if self.backup_target is None:
            raise Refused(409, "no-backup-target", "this server has no target for backups", why="none was set")
        return self.backup_target

    def _task(self, kind: str, log: list[str], state: str = "succeeded", cause: str = "") -> dict[str, Any]:
        task = {
            "id": f"{kind}-1", "kind": kind, "state": state, "is_over": True, "backup": BACKUP, "created_at": AT,
            "created_by": "admin", "ended_at": AT, "log": log, "cause": cause,
        }  # fmt: skip
        self.backup_tasks[task["id"]] = task
        return task | {"state": "queued", "is_over": False, "log": []}
