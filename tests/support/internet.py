"""The part of the internet that a test server needs: names, certificates, an
image registry with a password, and GitHub's keys. Everything is asked for at its real name, over HTTPS.
"""

import base64
import http.server
import json
import ssl
import subprocess
import threading
from email.message import Message
from pathlib import Path
from typing import Self

from tests.support.fake_registry import Answer, FakeRegistry, handler_of
from tests.support.issuer import ISSUER, rsa_key

REGISTRY = "ghcr.io"
NAMES = (REGISTRY, ISSUER.removeprefix("https://"))
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Signs certificates. ``certificate`` is what those who believe it need."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "authority.pem", folder / "authority.key"
        self._folder = folder
        _openssl("req", "-x509", *_CURVE, "-days", "2", "-subj", "/CN=Test authority", "-addext",
                 "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key, "-out", self.certificate)  # fmt: skip

    def context(self, *names: str) -> ssl.SSLContext:
        """For a server that has these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*names))
        return context

    def issue(self, *names: str) -> tuple[Path, Path]:
        """Make a certificate for these names; its file and that of its key, until the next is made."""
        key, request, certificate = (self._folder / f"leaf.{ending}" for ending in ("key", "csr", "pem"))
        alternatives = self._folder / "leaf.txt"
        alternatives.write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
        _openssl("req", *_CURVE, "-subj", f"/CN={names[0]}", "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", "2",
                 "-extfile", alternatives, "-out", certificate)  # fmt: skip
        return certificate, key


class Internet:
    """Use as a context manager. ``passwords``: who may pull from the registry."""

    def __init__(self, address: str, authority: Authority, passwords: dict[str, str]) -> None:
        self.registry = FakeRegistry()
        self.asked: list[str] = []
        self._passwords = passwords
        self._server = http.server.ThreadingHTTPServer((address, 443), handler_of(self._answer))
        self._server.daemon_threads = True
        # The handshake belongs to each connection's own thread: a client that stops in it must not hold up others.
        self._server.socket = authority.context(*NAMES).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    def __enter__(self) -> Self:
        self.registry.__enter__()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self.registry.__exit__()

    def _answer(self, path: str, headers: Message) -> Answer:
        host, login = headers.get("Host", ""), headers.get("Authorization", "")
        self.asked.append(f"{host}{path}")
        if host == REGISTRY:
            kind, _, given = login.partition(" ")
            user, _, password = base64.b64decode(given).decode().partition(":")
            if kind != "Basic" or self._passwords.get(user) != password:
                return 401, {"WWW-Authenticate": f'Basic realm="{REGISTRY}"'}, b"{}"
            return self.registry.answer(path)
        if path == "/.well-known/jwks":
            return 200, {}, json.dumps({"keys": [rsa_key("one").as_dict(private=False)]}).encode()
        return 404, {}, b""


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(("openssl", *map(str, arguments)), check=True, capture_output=True)
