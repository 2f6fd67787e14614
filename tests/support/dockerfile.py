"""Builds the image of a ``Dockerfile`` without a program for it, as far as our pages have such files."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from tests.support.images import file_system


def build(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The one layer, a tar file, and the config of the image. Raises ValueError for an instruction it does not know."""
    layer = b""
    config: dict[str, Any] = {"Env": ["PATH=/bin"]}
    for line in (folder / "Dockerfile").read_text(encoding="utf-8").splitlines():
        match line.split(maxsplit=1):
            case ["FROM", base] if base.startswith("busybox:"):
                layer = file_system()
            case ["EXPOSE", port]:
                config["ExposedPorts"] = {f"{port}/tcp": {}}
            case ["COPY", places]:
                source, target = places.split()
                layer = _copied(layer, folder / source, target.lstrip("/"))
            case ["CMD", words] if words.startswith("["):
                config["Cmd"] = json.loads(words)
            case _:
                raise ValueError(f"this builds no {line!r}")
    return layer, config


def _copied(layer: bytes, source: Path, target: str) -> bytes:
    """The layer with the folder in place of what was there: no file twice."""
    result = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(layer)) as before, tarfile.open(fileobj=result, mode="w") as after:
        for member in before.getmembers():
            if not member.name.startswith(f"{target}/"):
                after.addfile(member, before.extractfile(member) if member.isfile() else None)
        after.add(source, target)
    return result.getvalue()
