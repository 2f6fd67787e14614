"""The stylesheet and the scripts. Each file is read and compressed once; its address contains a hash of its content."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PATH = "/static"
_OWN_SCRIPT_EXTRAS = re.compile(rb"^[ \t]*(?://.*)?\n|^[ \t]+", re.MULTILINE)  # comment lines and indentation
_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """A file as it is sent. ``version``: a hash of the content."""

    content: bytes
    compressed: bytes
    kind: str
    version: str


@cache
def files() -> dict[str, StaticFile]:
    """Return every public file by its path below ``static``."""
    root = resources.files("pvdify.dashboard") / "static"
    found = {}
    for folder in ("", "vendor"):
        for item in (root / folder if folder else root).iterdir():
            kind = _KINDS.get(f".{item.name.rpartition('.')[2]}")
            if kind is not None:
                content = item.read_bytes()
                if not folder and item.name.endswith(".js"):
                    content = _OWN_SCRIPT_EXTRAS.sub(b"", content)
                found[f"{folder}/{item.name}".lstrip("/")] = _file(content, kind)
    return found


def address_of(name: str) -> str:
    """Return the address of a file with its version, so that browsers may cache it forever. Raises KeyError."""
    return f"{PATH}/{name}?v={files()[name].version}"


async def show_file(request: Request) -> Response:
    """Send a file. Browsers may cache it for a year if the address has its current version."""
    request.state.route = f"{PATH}/{{name}}"
    found = files().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    is_current = request.query_params.get("v") == found.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-cache",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.kind)
    return Response(found.content, headers=headers, media_type=found.kind)


def _file(content: bytes, kind: str) -> StaticFile:
    version = hashlib.sha256(content).hexdigest()[:12]
    return StaticFile(content=content, compressed=gzip.compress(content, 9, mtime=0), kind=kind, version=version)
