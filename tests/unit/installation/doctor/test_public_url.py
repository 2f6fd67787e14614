"""The doctor's check of the public URL at which workflows reach the API."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pvdify.installation.doctor import public_url
from pvdify.installation.doctor.public_url import Answer, Seen
from pvdify.settings import Settings, load

OURS, OTHER = Answer(is_ours=True), Answer(is_ours=False, text="connection refused")


def settings(**given: str) -> Settings:
    return load({"base_domain": "apps.example.com", **given}, {}, Path("/none.toml"))


@pytest.mark.parametrize(
    ("seen", "state", "text", "repair"),
    [
        (Seen(router=OURS, addresses=("192.0.2.1",), outside=OURS), "ok",
         "https://apps.example.com is answered by pvdifyd", ""),
        (Seen(router=OTHER, addresses=("192.0.2.1",), outside=OTHER), "broken",
         "the router does not route apps.example.com to pvdifyd: connection refused",
         "systemctl restart pvdifyd.service"),
        (Seen(router=OURS, addresses=(), outside=None), "warning",
         "the router routes apps.example.com to pvdifyd, but the name has no address yet",
         "`pvdify server edge cloudflare`, or a DNS record for apps.example.com that points to this machine"),
        (Seen(router=OURS, addresses=("192.0.2.1",), outside=OTHER), "warning",
         "https://apps.example.com (192.0.2.1) is not answered by pvdifyd: connection refused",
         "let the program that listens there forward apps.example.com to 127.0.0.1:9080, with its Host header"),
    ],
)  # fmt: skip
def test_each_hop_to_the_public_url_is_checked(seen: Seen, state: str, text: str, repair: str) -> None:
    check = public_url.judge(settings(), seen)

    assert (check.name, check.state, check.text, check.next) == ("public URL", state, text, repair)


def test_an_api_that_is_not_exposed_is_no_problem() -> None:
    assert public_url.check(settings(expose_api="off")).state == "ok"


class Handler(BaseHTTPRequestHandler):
    body = b'{"status": "ok", "version": "0.1.0"}'

    def do_GET(self) -> None:
        is_right = self.path == "/api/v1/health" and self.headers["Host"].startswith("localhost")
        self.send_response(200 if is_right else 404)
        self.end_headers()
        self.wfile.write(self.body if is_right else b"")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_the_router_and_the_public_address_are_requested(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    here = settings(router_listen=f"127.0.0.1:{port}", public_url=f"http://localhost:{port}")

    assert public_url.check(here).state == "ok"

    monkeypatch.setattr(Handler, "body", b"<h1>It works!</h1>")
    seen = public_url.see(here)
    assert (seen.router.is_ours, seen.router.text) == (False, "HTTP 200, not the answer of pvdifyd")
