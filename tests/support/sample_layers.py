"""The sample app as layers of an image, made without podman; ``Cluster.push_layers`` pushes them."""

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
from pathlib import Path

from tools.cluster import images, programs

CHECKOUT = Path(__file__).parents[2]
BUILD_SAMPLE = CHECKOUT / "tools" / "build-sample"
APP = CHECKOUT / "examples" / "hello" / "app.py"
USER = "10001:10001"


def sample_layers() -> list[bytes]:
    """The base, which is put together once and kept, and the app. Equal sources make equal bytes."""
    return [_base(), _app()]


def sample_config(version: str, **environment: str) -> dict[str, object]:
    """What examples/hello/Containerfile says. ``environment``: variables of the app, such as START_EXIT="3"."""
    variables = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "VERSION": version, **environment}
    return {
        "Cmd": ["python3", "/app/app.py"],
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "ExposedPorts": {"8080/tcp": {}},
        "User": USER,
        "WorkingDir": "/app",
    }


def _base() -> bytes:
    kept = programs.cache() / f"sample-{hashlib.sha256(BUILD_SAMPLE.read_bytes()).hexdigest()[:12]}.tar"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            root, new = Path(folder, "root"), Path(folder, "layer.tar")
            subprocess.run((str(BUILD_SAMPLE), "--root", str(root)), check=True, capture_output=True)
            with tarfile.open(new, "w") as layer:
                layer.add(root, arcname=".", filter=_without_time)
            os.replace(new, kept)
    return kept.read_bytes()


def _without_time(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.mtime = 0
    return entry


def _app() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        images.add(layer, "app/app.py", APP.read_bytes())
    return buffer.getvalue()
