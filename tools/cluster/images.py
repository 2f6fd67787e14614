"""Images without podman: an archive as `docker save` writes it, which skopeo pushes and containerd imports."""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
PAUSE = "pvdify.test/pause:1"
CREATED = "2026-01-01T00:00:00Z"  # always the same, so that equal contents have equal digests


def write_archive(file: Path, name: str, layers: Sequence[bytes], config: Mapping[str, object]) -> None:
    """Write an image of ``layers``, each a tar file, to ``file``. ``config`` is what `docker inspect` calls Config."""
    digests = [hashlib.sha256(layer).hexdigest() for layer in layers]
    description = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": CREATED,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}" for digest in digests]},
            "history": [{"created": CREATED} for _ in layers],
        }
    ).encode()
    described = f"{hashlib.sha256(description).hexdigest()}.json"
    names = [f"{digest}/layer.tar" for digest in digests]
    manifest = json.dumps([{"Config": described, "RepoTags": [name], "Layers": names}]).encode()
    with tarfile.open(file, "w") as archive:
        for entry, data in ((described, description), *zip(names, layers, strict=True), ("manifest.json", manifest)):
            add(archive, entry, data)


def add(archive: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o644) -> None:
    """Add one file."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def write_pause(file: Path) -> None:
    """The image whose only process holds the namespaces of a pod: it sleeps."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        add(layer, "bin/sleep", BUSYBOX.read_bytes(), mode=0o755)
    write_archive(file, PAUSE, [buffer.getvalue()], {"Cmd": ["/bin/sleep", "2147483647"], "Env": ["PATH=/bin"]})


def missing_for_images() -> str | None:
    """Why no image can be made and pushed here; None if it can."""
    if shutil.which("skopeo") is None:
        return "skopeo is not installed"
    return None if BUSYBOX.exists() else "busybox-static is not installed"
