"""Two image registries in the outside of a cluster: one for everyone, one with a password.

Both listen on every address of the outside, so the outside reaches them as 127.0.0.1:5000 and 127.0.0.1:5001; the
workers reach the loopback of the outside under the same names.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from tools.cluster.layout import PRIVATE_REGISTRY_PORT, REGISTRY_PORT, Layout
from tools.cluster.processes import Processes

ADDRESS = f"127.0.0.1:{REGISTRY_PORT}"
PRIVATE_ADDRESS = f"127.0.0.1:{PRIVATE_REGISTRY_PORT}"
USER, PASSWORD = "puller", "let-me-in"


def start_registries(layout: Layout, processes: Processes) -> None:
    """Start both; they keep their images in the folder of the cluster."""
    import bcrypt

    folder = layout.folder / "registries"
    folder.mkdir(parents=True, exist_ok=True)
    passwords = folder / "htpasswd"
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    passwords.write_text(f"{USER}:{hashed}\n", encoding="ascii")
    _start("registry", REGISTRY_PORT, folder, {}, processes)
    login = {"auth": {"htpasswd": {"realm": "images", "path": str(passwords)}}}
    _start("private-registry", PRIVATE_REGISTRY_PORT, folder, login, processes)


def _start(name: str, port: int, folder: Path, more: Mapping[str, object], processes: Processes) -> None:
    storage = {"filesystem": {"rootdirectory": str(folder / name)}, "delete": {"enabled": True}}
    settings = {"version": 0.1, "log": {"level": "warn"}, "storage": storage, "http": {"addr": f"0.0.0.0:{port}"}}
    file = folder / f"{name}.json"
    file.write_text(json.dumps({**settings, **more}), encoding="utf-8")
    processes.start(name, "outside", "docker-registry", "serve", str(file))
