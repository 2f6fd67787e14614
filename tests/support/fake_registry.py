"""A scripted image registry on loopback; images are made in memory."""

import gzip
import hashlib
import http.server
import json
import re
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Self

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
Answer = tuple[int, dict[str, str], bytes]  # status, headers, content
_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>manifests|blobs)/(?P<reference>[^/]+)")


@dataclass(kw_only=True)
class Scripted:
    """What is answered in place of a manifest, ``times`` times (None: always). ``hangs``: no answer comes."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    times: int | None = None
    hangs: bool = False


class FakeRegistry:
    """``with FakeRegistry() as registry: registry.add_image("shop", "v1", layer)``.

    ``has_tls``: it speaks HTTPS, with a certificate that it signed itself.
    """

    def __init__(self, *, has_tls: bool = False) -> None:
        self.asked: list[str] = []
        self._blobs: dict[str, bytes] = {}
        self._manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self._scripts: dict[tuple[str, str], Scripted] = {}
        self._ending = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler_of(lambda path, _: self.answer(path)))
        self._server.daemon_threads = True
        if has_tls:
            # The handshake belongs to each connection's own thread: a client that stops in it must not hold up others.
            self._server.socket = _own_certificate().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    def add_image(
        self, repository: str, tag: str, layer: bytes, *, platform: str = "linux/amd64", **config: Any
    ) -> str:
        """An image of one layer (a tar file) with this config (``Entrypoint``, ``User`` and so on); its reference."""
        system, _, architecture = platform.partition("/")
        packed = gzip.compress(layer, mtime=0)
        described = {
            "architecture": architecture, "os": system, "config": config,
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}, "history": [{"created_by": "test"}],
        }  # fmt: skip
        manifest = {
            "schemaVersion": 2, "mediaType": MANIFEST, "config": self._blob(CONFIG, json.dumps(described).encode()),
            "layers": [self._blob(LAYER, packed)],
        }  # fmt: skip
        return self.put(repository, tag, manifest)

    def add_index(self, repository: str, tag: str, *images: tuple[str, str]) -> str:
        """A list of images that are here already: their tags and platforms."""
        entries = []
        for name, platform in images:
            _, content = self._manifests[repository, name]
            system, _, architecture = platform.partition("/")
            entries.append({"mediaType": MANIFEST, "digest": _digest(content), "size": len(content),
                            "platform": {"os": system, "architecture": architecture}})  # fmt: skip
        return self.put(repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})

    def add_artifact(self, repository: str, tag: str, config_type: str) -> str:
        """Something that is no image, like a Helm chart."""
        config, layer = self._blob(config_type, b"{}"), self._blob("application/octet-stream", b"content")
        return self.put(
            repository, tag, {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        )

    def put(self, repository: str, tag: str, manifest: dict[str, Any]) -> str:
        """Any manifest; its reference."""
        content = json.dumps(manifest).encode()
        for name in (tag, _digest(content)):
            self._manifests[repository, name] = str(manifest["mediaType"]), content
        return f"{self.address}/{repository}:{tag}"

    def script(self, repository: str, tag: str, scripted: Scripted) -> str:
        """Answer this when asked for the tag; its reference."""
        self._scripts[repository, tag] = scripted
        return f"{self.address}/{repository}:{tag}"

    def _blob(self, media_type: str, content: bytes) -> dict[str, Any]:
        self._blobs[_digest(content)] = content
        return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}

    def answer(self, path: str) -> Answer:
        """Status, headers and content of the answer to a request for this path."""
        self.asked.append(path)
        if path == "/v2/":
            return 200, {}, b"{}"
        found = _PATH.fullmatch(path)
        if found is None:
            return 404, {}, b""
        key = found["repository"], found["reference"]
        scripted = self._scripts.get(key)
        if scripted is not None and scripted.times != 0:
            return self._scripted(scripted)
        if found["kind"] == "blobs":
            content = self._blobs.get(found["reference"])
            return (
                (200, {"Content-Type": "application/octet-stream"}, content) if content is not None else _error("BLOB")
            )
        if key not in self._manifests:
            is_known = any(repository == found["repository"] for repository, _ in self._manifests)
            return _error("MANIFEST_UNKNOWN" if is_known else "NAME_UNKNOWN")
        media_type, content = self._manifests[key]
        return 200, {"Content-Type": media_type, "Docker-Content-Digest": _digest(content)}, content

    def _scripted(self, scripted: Scripted) -> Answer:
        if scripted.times is not None:
            scripted.times -= 1
        if scripted.hangs:
            self._ending.wait(120)
        if scripted.code:
            return _error(scripted.code, scripted.status, scripted.headers)
        return scripted.status, scripted.headers, scripted.body


def _own_certificate() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as directory:
        key, certificate = Path(directory) / "key.pem", Path(directory) / "certificate.pem"
        made = (
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=registry.test", "-addext", "subjectAltName=IP:127.0.0.1,IP:0.0.0.0",
            "-keyout", str(key), "-out", str(certificate),
        )  # fmt: skip
        subprocess.run(made, check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
    return context


def _error(code: str, status: int = 404, headers: dict[str, str] | None = None) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()
    return status, {"Content-Type": "application/json", **(headers or {})}, body


def handler_of(answer: Callable[[str, Message], Answer]) -> type[http.server.BaseHTTPRequestHandler]:
    """Answer GET and HEAD with what ``answer`` makes of a path and the request's headers."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, content = answer(self.path, self.headers)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - as http.server names it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
