"""A tiny image of our own for tests with a real podman: busybox and nothing else; no registry is asked."""

import hashlib
import io
import shutil
import subprocess
import tarfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
REPOSITORY = "localhost/pvdify-test"
TOOLS = ("sh", "httpd", "sleep", "cat", "echo", "env", "head", "tail", "true", "id", "kill", "seq", "test")


def missing_for_podman() -> str | None:
    """Why containers cannot be tested here; None if they can."""
    absent = [name for name in ("podman", "skopeo", "docker-registry") if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    return None if BUSYBOX.exists() else "busybox-static is not installed"


def build_image(
    *,
    content: str = "",
    entrypoint: tuple[str, ...] = (),
    command: tuple[str, ...] = ("/bin/sleep", "1000"),
    environment: tuple[str, ...] = ("PATH=/bin", "GREETING=from the image"),
    port: int | None = 8080,
) -> str:
    """The name of an image with busybox as ``/bin/*`` and ``content`` as ``/www/index.html`` and ``/www/health``.

    The name is made from everything that goes in, so an image is built once and different ones are different.
    """
    changes = [f"CMD {_json(command)}", *(f"ENV {each}" for each in environment)]
    changes += [f"ENTRYPOINT {_json(entrypoint)}"] if entrypoint else []
    changes += [f"EXPOSE {port}/tcp"] if port else []
    archive = file_system(content)
    seed = hashlib.sha256(archive + repr(changes).encode()).hexdigest()[:12]
    name = f"{REPOSITORY}:{seed}"
    if subprocess.run(("podman", "image", "exists", name), check=False).returncode != 0:
        flags = [f"--change={change}" for change in changes]
        subprocess.run(
            ("podman", "import", "--quiet", *flags, "-", name), input=archive, check=True, capture_output=True
        )
    return name


def push_image(image: str, reference: str) -> None:
    """Put it into a registry on loopback, and keep it there alone."""
    subprocess.run(("podman", "push", "--quiet", "--tls-verify=false", image, reference), check=True)
    subprocess.run(("podman", "rmi", image), check=True, capture_output=True)


def image_id(name: str) -> str:
    """The id under which podman stores it."""
    asked = ("podman", "image", "inspect", "--format", "{{.Id}}", name)
    return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()


def file_system(content: str = "", *, has_shell: bool = True) -> bytes:
    """The file system as a tar file; equal contents make equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _add(archive, "bin/busybox", BUSYBOX.read_bytes(), mode=0o755)
        for tool in (tool for tool in TOOLS if has_shell or tool != "sh"):
            link = tarfile.TarInfo(f"bin/{tool}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        # stands for the init programs that images bring: like them it executes its arguments
        _add(archive, "bin/tini", b'#!/bin/sh\nshift\nexec "$@"\n', mode=0o755)
        for page in ("index.html", "health"):
            _add(archive, f"www/{page}", content.encode())
        _add(archive, "etc/passwd", b"root:x:0:0:root:/:/bin/sh\n")
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def _json(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
