"""GitHub's REST API in memory, over real HTTP on loopback; every request and every answer is held against what GitHub
has published (``github_description``)."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.github_description import check_answer, check_request

AT = "2026-01-01T12:00:00Z"
URL = "https://api.github.com/x"


@dataclass
class State:
    """What there is in the one repository, and what goes wrong with the next requests (a status each)."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    lose_answers: int = 0
    asked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class FakeGithub(ThreadingHTTPServer):
    """Use as a context manager; ``check`` raises if anything was not as GitHub has it."""

    def __init__(self) -> None:
        self.state = State()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def check(self) -> None:
        assert self.state.problems == []


class _Handler(BaseHTTPRequestHandler):
    server: FakeGithub

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def _serve(self) -> None:
        state, url = self.server.state, urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        state.asked.append(f"{self.command} {url.path}")
        try:
            check_request(self.command, url.path, dict(parse_qsl(url.query)), body)
        except AssertionError as error:
            state.problems.append(str(error))
        if state.faults or "/pulls/" in url.path:  # this token has no right to read pull requests
            self._answer(state.faults.pop(0) if state.faults else 404, {"message": "no"})
            return
        status, content = self._work(url.path, dict(parse_qsl(url.query)), body)
        try:
            check_answer(self.command, url.path, status, content)
        except AssertionError as error:
            state.problems.append(str(error))
        if state.lose_answers and self.command != "GET":
            state.lose_answers -= 1
            self.close_connection = True
            return
        self._answer(status, content)

    def _work(self, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        state, last = self.server.state, path.rpartition("/")[2]
        if last == "statuses":
            id = int(path.split("/")[-2])
            state.statuses.append((id, body))
            return 201, _status(len(state.statuses), body)
        if last == "deployments" and body is not None:
            state.deployments.insert(0, _deployment(len(state.deployments) + 1, body))
            return 201, state.deployments[0]
        if last == "deployments":
            wanted = {name: query[name] for name in ("sha", "environment") if name in query}
            return 200, [it for it in state.deployments if all(it[name] == value for name, value in wanted.items())]
        if self.command == "PATCH":
            comment = next(it for it in state.comments if str(it["id"]) == last)
            comment["body"] = body["body"]
            return 200, comment
        if body is not None:
            state.comments.append(_comment(len(state.comments) + 1, body["body"]))
            return 201, state.comments[-1]
        size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
        return 200, state.comments[size * (page - 1) : size * page]

    def _answer(self, status: int, content: Any) -> None:
        self.send_response_only(status)
        self.send_header("Date", datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"))
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


def _comment(id: int, body: str) -> dict[str, Any]:
    return {
        "id": id, "node_id": "n", "url": URL, "html_url": URL, "issue_url": URL, "body": body, "user": None,
        "created_at": AT, "updated_at": AT, "author_association": "NONE",
    }  # fmt: skip


def _deployment(id: int, body: dict[str, Any]) -> dict[str, Any]:
    more = {name: body[name] for name in ("environment", "payload", "description", "transient_environment",
                                          "production_environment") if name in body}  # fmt: skip
    return {
        "id": id, "node_id": "n", "url": URL, "sha": body["ref"], "ref": body["ref"], "task": "deploy", "creator": None,
        "created_at": AT, "updated_at": AT, "statuses_url": URL, "repository_url": URL, **more,
    }  # fmt: skip


def _status(id: int, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": id, "node_id": "n", "url": URL, "state": body["state"], "creator": None,
        "description": body.get("description", ""), "target_url": "", "created_at": AT, "updated_at": AT,
        "deployment_url": URL, "repository_url": URL, "environment_url": body.get("environment_url", ""),
    }  # fmt: skip
