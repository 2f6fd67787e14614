"""Processes, operations and one-off commands."""

import base64
import json
import threading
from typing import Any

from tests.fakes.api_parts.releases import Releases
from tests.fakes.api_parts.request import AT, Asked, Refused


class Processes(Releases):
    """Processes, operations and one-off commands."""

    def __init__(self) -> None:
        super().__init__()
        self.processes: dict[str, list[dict[str, Any]]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.operation_outcome: dict[str, Any] = {"state": "succeeded"}
        self.run_events: list[tuple[str, bytes]] = []
        self.run_secrets: list[str] = []
        self.run_exit_code, self.run_input, self.run_is_lost = 0, b"", False
        self.run_reads_to_end = False  # whether the command ends only after its input
        self._input_ended = threading.Event()

    def make_operation(self, app: str, kind: str, text: str) -> dict[str, Any]:
        self.find_app(app)
        operation = {
            "id": f"{app}-{kind}-1", "app": app, "kind": kind, "text": text, "state": "queued", "created_at": AT,
            "created_by": "admin", "finished_at": None, "steps": [], "failure": None,
        }  # fmt: skip
        self.operations[operation["id"]] = operation
        return operation

    def scale(self, asked: Asked, app: str) -> dict[str, Any]:
        known = [process["name"] for process in self.processes.get(app, [])]
        problems = [f"{name}: its processes are {', '.join(known)}" for name in asked.body if name not in known]
        if problems:
            raise Refused(422, "invalid-scale", f"{app} was not scaled", problems=problems)
        return self.make_operation(app, "scale", " ".join(f"{name}={count}" for name, count in asked.body.items()))

    def operation(self, asked: Asked, app: str, id: str) -> dict[str, Any]:
        """As it is, and next time as ``operation_outcome`` says."""
        found = self.operations[id]
        self.operations[id] = found | self.operation_outcome
        return found

    def start_run(self, asked: Asked, app: str) -> dict[str, Any]:
        release = self.find_app(app) and self.releases[app][-1]
        return {"id": "run.4711", "app": app, "release": release["version"]}

    def watch_run(self, asked: Asked, app: str, id: str) -> list[tuple[str, str]]:
        if self.run_is_lost:
            raise Refused(404, "one-off-not-found", f"{app} runs no {id}")
        if self.run_reads_to_end:
            self.wait_for_input_end()
        said = [(name, base64.b64encode(data).decode()) for name, data in self.run_events]
        end = {"exit_code": self.run_exit_code, "secrets": self.run_secrets, "secret_count": len(self.run_secrets)}
        return [*said, ("end", json.dumps(end))]

    def write_run(self, asked: Asked, app: str, id: str) -> dict[str, Any]:
        assert int(asked.query["at"]) == len(self.run_input)
        self.run_input += asked.body or b""
        if "end" in asked.query:
            self._input_ended.set()
        return {}

    def wait_for_input_end(self) -> None:
        assert self._input_ended.wait(60)
