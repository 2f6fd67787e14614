"""Image references: ``[host[:port]/]path[:tag][@digest]``."""

import re
from dataclasses import dataclass, replace

from pvdify.errors import InvalidImageReference

_REFERENCE = re.compile(
    r"(?P<path>[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?")
LOCAL_HOST = "localhost"
PINNED = "pvdify"  # localhost/pvdify/SERVER/APP:vN are the tags that pin images for releases
LONGEST = 1024  # characters


@dataclass(frozen=True, kw_only=True)
class ImageReference:
    """A parsed reference. ``docker.io`` and ``latest`` are filled in, as container tools do."""

    host: str
    path: str
    tag: str | None
    digest: str | None

    @property
    def repository(self) -> str:
        """``host/path``, without tag and digest."""
        return f"{self.host}/{self.path}"

    @property
    def is_local(self) -> bool:
        """Whether the image is only in this machine's storage (``localhost/...`` without a port) and never pulled."""
        return self.host == LOCAL_HOST

    @property
    def is_loopback(self) -> bool:
        """Whether the registry runs on this machine, where plain HTTP is safe."""
        name = self.host.rpartition(":")[0] if ":" in self.host else self.host
        return name == "localhost" or name.startswith("127.") or name == "[::1]"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"

    def pinned(self, digest: str) -> "ImageReference":
        """Return the same repository with this digest and no tag."""
        return replace(self, tag=None, digest=digest)


def parse_image_reference(text: str) -> ImageReference:
    """Parse a reference from a person or CI. Raises InvalidImageReference."""
    if len(text) > LONGEST:
        raise InvalidImageReference(
            f'"{text[:60]}…" is not an image reference', why=f"it has more than {LONGEST} characters",
            next="pass the reference that your CI pushed, like ghcr.io/org/app:v1",
        )  # fmt: skip
    first, slash, rest = text.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == LOCAL_HOST or first.startswith("["))
    host, remainder = (first.lower(), rest) if has_host else ("docker.io", text)
    match = _REFERENCE.fullmatch(remainder)
    if match is None or not _HOST.fullmatch(host):
        raise InvalidImageReference(
            f'"{text}" is not an image reference',
            why="the repository must be lower case, like ghcr.io/org/app:v1"
            if text.lower() != text
            else "expected [host/]path[:tag][@sha256:digest]",
            next="pass the reference that your CI pushed, like ghcr.io/org/app:v1",
        )
    path = match["path"] if host != "docker.io" or "/" in match["path"] else f"library/{match['path']}"
    tag = match["tag"] or (None if match["digest"] else "latest")
    return ImageReference(host=host, path=path, tag=tag, digest=match["digest"])


def parse_deployable(text: str) -> ImageReference:
    """Parse a reference to deploy. Raises InvalidImageReference, also for a tag that pins a release's image."""
    reference = parse_image_reference(text)
    if reference.is_local and reference.path.startswith(f"{PINNED}/"):
        raise InvalidImageReference(
            f"{reference} cannot be deployed",
            why=f"names below {LOCAL_HOST}/{PINNED}/ keep the images of releases, and belong to their apps",
            next="name the image as your CI pushed it; `pvdify rollback` repeats a release",
        )
    return reference
