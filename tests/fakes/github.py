"""GitHub's REST API in memory, for the real ``gh``: plain HTTP on a unix socket (its setting ``http_unix_socket``).

Answers only questions that GitHub's published description has (``github_description``), and in no other form than it
says there; of an answer it gives only what ``gh`` and our workflows look at.
"""

import json
import socketserver
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.github_description import check_part, check_request, operation


def pull_request(number: int, repository: str, **changed: Any) -> dict[str, Any]:
    """An open one, from a branch of the repository itself."""
    return {
        "number": number,
        "state": "open",
        "updated_at": "2026-01-01T10:00:00Z",
        "labels": [],
        "head": {"ref": "feature", "sha": "c0ffee", "repo": {"full_name": repository}},
        "base": {"ref": "main", "sha": "ba5e", "repo": {"full_name": repository}},
    } | changed


@dataclass
class FakeGithub:
    """Use as a context manager. ``asked``: method and path of all questions; ``comments``: issue and body of each;
    ``commits``: by tag; ``variables``: of workflows, by name.
    """

    socket: Path
    pull_requests: list[dict[str, Any]] = field(default_factory=list)
    commits: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> "FakeGithub":
        self._server = _Server(str(self.socket), _Handler)
        self._server.github = self
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Status and JSON, checked against what GitHub has published."""
        asked = urlsplit(url)
        self.asked.append(f"{method} {url}")
        try:
            known, path = operation(method, asked.path)
        except AssertionError:
            return 404, {"message": "Not Found"}
        query = dict(parse_qsl(asked.query))
        check_request(method, asked.path, query, body)
        value = self._value(known["operationId"], path, query, body)
        status = 404 if value is None else 201 if method == "POST" else 200
        if isinstance(value, str):  # asked for by a media type that gives this alone
            return status, value
        content = {"message": "Not Found"} if value is None else value
        if value is None:
            assert "404" in known["responses"]
        else:
            check_part(method, asked.path, status, content)
        return status, content

    def _value(self, name: str, path: dict[str, str], query: dict[str, str], body: Any) -> Any:
        repository = f"{path['owner']}/{path['repo']}"
        pulls = [pull for pull in self.pull_requests if pull["base"]["repo"]["full_name"] == repository]
        if name == "issues/create-comment":
            self.comments.append((int(path["issue_number"]), body["body"]))
        if name == "actions/create-repo-variable":
            self.variables[body["name"]] = body["value"]
        owner = {"login": path["owner"], "id": 65}
        head = query.get("head", "").removeprefix(f"{path['owner']}:")
        state = query.get("state", "open")
        values: dict[str, Any] = {
            "repos/get": {"id": 74, "name": path["repo"], "full_name": repository, "default_branch": "main",
                          "owner": owner},
            "actions/create-repo-variable": {},
            "repos/get-latest-release": None,
            "repos/get-commit": self.commits.get(path.get("ref", "")),
            "repos/get-content": {"name": path.get("path"), "type": "file"},
            "pulls/get": next((pull for pull in pulls if str(pull["number"]) == path.get("pull_number")), None),
            "pulls/list": [pull for pull in pulls if pull["head"]["ref"] == head and pull["state"] == state],
            "issues/create-comment": {"id": len(self.comments), "body": (body or {}).get("body")},
        }  # fmt: skip
        return values[name]


class _Server(socketserver.ThreadingUnixStreamServer):
    github: FakeGithub
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, value = self.server.github.answer(self.command, self.path, json.loads(content) if content else None)
        # The one answer that is no JSON: a commit, asked for by the media type that gives its hash alone.
        answer = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""
