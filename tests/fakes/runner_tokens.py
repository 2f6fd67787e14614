"""What GitHub's runner gives a job that may show who it is, and what our server gives in exchange."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.fakes.api import Fault


class RunnerTokens(ThreadingHTTPServer):
    """Gives tokens, and remembers who asked for what."""

    content = json.dumps({"count": 1, "value": "of-github"}).encode()
    status = 200

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "RunnerTokens":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def environ(self) -> dict[str, str]:
        address = f"http://127.0.0.1:{self.server_address[1]}/token?api-version=2.0"
        given = {"ACTIONS_ID_TOKEN_REQUEST_URL": address, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-runner"}
        return {"GITHUB_ACTIONS": "true", "HOME": "/nonexistent", **given}


class Handler(BaseHTTPRequestHandler):
    server: RunnerTokens

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        self.send_response_only(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def given(token: str) -> Fault:
    made = {
        "token": token, "id": "1", "name": "n", "role": "deploy", "app": "shop", "created_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-01-01T00:10:00Z",
    }  # fmt: skip
    return Fault(status=200, content=json.dumps(made).encode(), content_type="application/json")
