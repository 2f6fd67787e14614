"""A podman with a storage of its own: other tests of this machine count the containers in the shared one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MACHINES = Path("/etc/containers/containers.conf")


@contextmanager
def own_podman(prepare: Callable[[Path], None] = lambda _graph: None) -> Iterator[Path]:
    """Point podman, and every program started meanwhile, at an empty storage; yield its folder, which is removed.

    ``prepare`` is called with the storage's directory, to mount a file system there, which is unmounted at the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="pvdify-podman-", dir="/var/tmp"))
    before = dict(os.environ)
    os.environ.update(_configured(folder))
    try:
        (folder / "graph").mkdir()
        prepare(folder / "graph")
        yield folder
    finally:
        for name in ("CONTAINERS_STORAGE_CONF", "CONTAINERS_CONF"):
            os.environ.pop(name)
            os.environ.update({name: before[name]} if name in before else {})
        for place in mounts_below(folder):
            subprocess.run(("umount", "--lazy", place), check=True)
        shutil.rmtree(folder)


def _configured(folder: Path) -> dict[str, str]:
    """The variables that name its configuration: this machine's, with folders for containers, images and networks."""
    storage, engine = folder / "storage.conf", folder / "containers.conf"
    storage.write_text(f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n')
    machines = MACHINES.read_text(encoding="utf-8") if MACHINES.exists() else ""
    networks = f'network_config_dir = "{folder}/networks"\n'
    if "[network]\n" in machines:
        engine.write_text(machines.replace("[network]\n", f"[network]\n{networks}"), encoding="utf-8")
    else:
        engine.write_text(f"{machines}\n[network]\n{networks}", encoding="utf-8")
    return {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(engine)}


def mounts_below(folder: Path) -> list[str]:
    """The mounts in this folder, those on others first."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    places = (line.split()[4] for line in lines)
    return [place for place in reversed([*places]) if place.startswith(f"{folder}/")]
