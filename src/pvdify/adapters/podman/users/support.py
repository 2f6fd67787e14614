"""Whether this host can give containers user namespaces whose volumes keep their owners.

What is known to fail is found from what podman says of itself, with a cause that a person can act on. Then a container
is tried: file systems differ, and an OCI runtime that does not know the option `idmap` ignores it without an error.
"""

import asyncio
import json
import os
import re
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvdify.adapters.podman import refusals
from pvdify.adapters.podman.commands import map_users
from pvdify.adapters.podman.machine_root import link_programs
from pvdify.plumbing.command_runner import Argv, Completed

OLDEST_KERNEL = (5, 19)  # overlayfs shows a mapped layer; before, podman copies each image for each app
OLDEST_RUNTIMES = {"crun": (1, 8), "runc": (1, 2)}  # the first that map the owners of a mount
FILES = ("etc/hostname", "etc/hosts", "etc/resolv.conf", "run/.containerenv")  # that podman mounts
SEEN, MADE = "seen", "made"  # files in the directory that the trial mounts
LOOK = (
    f"read -r inside outside count < /proc/self/uid_map && : > /probe/{MADE} && "
    f'echo "users=$outside owner=$(stat -c %u /probe/{SEEN})"'
)
MAPPING = "mount_setattr"  # the system call that maps the owners of a mount
SECONDS = 60.0
OFF = 'or set user_namespaces = "off"'
Run = Callable[[Argv, float], Awaitable[Completed]]


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why this host cannot do it, and the next step."""

    why: str
    next: str


@dataclass(frozen=True, kw_only=True)
class Host:
    """What podman says about itself and this host. ``volumes``: the directory of its volumes."""

    kernel: str
    cgroups: str
    runtime: str
    runtime_version: tuple[int, ...]
    storage: str
    mount_program: str
    volumes: Path


async def find_obstacle(run: Run, podman: str, kernel: str, first: int) -> Obstacle | None:
    """Return why containers with user namespaces do not work here; None if one was tried and works.

    ``kernel``: the kernel's release; ``first``: a user of this host, for root in the container.

    Raises RuntimeUnavailable if podman cannot be started or does not end in time.
    """
    done = await run((podman, "info", "--format", "json"), SECONDS)
    host = read_host(done.stdout, kernel) if done.exit_code == 0 else None
    if host is None:
        return Obstacle(why=f"`podman info` failed: {refusals.words_of(done.stderr)}", next="podman info")
    try:
        return known_obstacle(host) or await _try(run, podman, host, first)
    except OSError as error:
        return Obstacle(
            why=f"the files of a trial could not be written beside podman's volumes: {error}",
            next=f"check the disk of podman's storage, {OFF}",
        )


def read_host(text: str, kernel: str) -> Host | None:
    """Parse the output of ``podman info --format json``; return None for any other text."""
    try:
        said: dict[str, Any] = json.loads(text)
        runtime, store = said["host"]["ociRuntime"], said["store"]
        version = re.search(r"version (\d+(?:\.\d+)*)", runtime.get("version") or "")
        program = (store.get("graphOptions") or {}).get("overlay.mount_program") or ""
        return Host(
            kernel=kernel,
            cgroups=said["host"].get("cgroupVersion", "v1"),
            runtime=runtime["name"],
            runtime_version=_numbers(version[1]) if version else (),
            storage=store["graphDriverName"],
            mount_program=str(program.get("Executable", "") if isinstance(program, dict) else program),
            volumes=Path(store.get("volumePath") or Path(store["graphRoot"], "volumes")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def known_obstacle(host: Host) -> Obstacle | None:
    """Return the first known obstacle; None if there is none."""
    version = ".".join(map(str, host.runtime_version)) or "of an unknown version"
    if _numbers(host.kernel)[:2] < OLDEST_KERNEL:
        return Obstacle(
            why=f"Linux {host.kernel} is older than 5.19, and would need a copy of each image for each app",
            next=f"boot a newer kernel, {OFF}",
        )
    if host.cgroups != "v2":
        return Obstacle(
            why=f"this machine has cgroups {host.cgroups}, with which crun does not start",
            next=f"boot with `systemd.unified_cgroup_hierarchy=1` on the kernel's command line, {OFF}",
        )
    if host.runtime not in OLDEST_RUNTIMES or host.runtime_version < OLDEST_RUNTIMES[host.runtime]:
        return Obstacle(
            why=f"podman uses {host.runtime} {version}, which does not map the owners of volumes",
            next=f"install crun 1.8 or newer, or runc 1.2 or newer, and see that `podman info` names it, {OFF}",
        )
    if host.storage != "overlay" or host.mount_program:
        used = host.mount_program or f"the storage driver {host.storage}"
        return Obstacle(
            why=f"podman's storage uses {used}, which does not map the owners of an image's files",
            next=f"use the kernel's overlay without mount_program in /etc/containers/storage.conf, {OFF}",
        )
    return None


def trial(podman: str, rootfs: Path, probe: Path, folders: tuple[str, ...], first: int) -> Argv:
    """Return the command that runs LOOK in a container with a user namespace, and with ``probe`` as a volume has it."""
    return (
        *(podman, "run", "--rm", "--network", "none", "--log-driver", "none", *map_users(first)),
        *("--security-opt", "no-new-privileges", "--security-opt", "label=disable", "--cap-drop=all"),
        *(f"--volume=/{folder}:/{folder}:ro" for folder in folders),
        f"--volume={probe}:/probe:idmap",
        *("--rootfs", str(rootfs), "/bin/sh", "-c", LOOK),
    )


async def _try(run: Run, podman: str, host: Host, first: int) -> Obstacle | None:
    place = await asyncio.to_thread(lambda: host.volumes if host.volumes.is_dir() else host.volumes.parent)
    with tempfile.TemporaryDirectory(prefix=".pvdify-trial-", dir=place) as folder:
        rootfs, probe = Path(folder, "rootfs"), Path(folder, "probe")
        folders = await asyncio.to_thread(_furnish, rootfs, probe, first)
        done = await run(trial(podman, rootfs, probe, folders, first), SECONDS)
        return judge_trial(done, first, await asyncio.to_thread(_owner_of, probe / MADE), place)


def judge_trial(done: Completed, first: int, owner_outside: int | None, place: Path) -> Obstacle | None:
    """Return what the trial shows to be wrong. ``owner_outside``: of the file that the container's root has made."""
    if done.exit_code == 0 and f"users={first} owner=0" in done.stdout and owner_outside == 0:
        return None
    said = refusals.words_of(done.stderr) or done.stdout.strip()
    if MAPPING in said:
        return Obstacle(
            why=f"the file system of {place} does not map the owners of files: {said}",
            next=f"move podman's storage to a file system that does, such as ext4, xfs or btrfs, {OFF}",
        )
    if done.exit_code == 0 or MADE in said:
        return Obstacle(
            why=f"the owners of files in {place} were not mapped in a container that was tried: {said}",
            next=f"install crun 1.8 or newer, {OFF}",
        )
    return Obstacle(
        why=f"a container that was tried did not start: {said}", next=f"correct what this names, {OFF}"
    )  # fmt: skip


def _furnish(rootfs: Path, probe: Path, first: int) -> tuple[str, ...]:
    """Make the directory to mount, and a root file system: mount points, and symbolic links as those of this machine.

    Return the folders of this machine to mount.
    """
    rootfs.parent.chmod(0o711)
    for each in (rootfs, probe, *(rootfs / name for name in ("dev", "etc", "probe", "proc", "run", "sys"))):
        each.mkdir(mode=0o755)
    for file in (probe / SEEN, *(rootfs / name for name in FILES)):
        file.touch()
    folders = tuple(link_programs(rootfs))
    for each in (rootfs, *rootfs.rglob("*")):
        os.chown(each, first, first, follow_symlinks=False)
    return folders


def _owner_of(file: Path) -> int | None:
    return file.stat().st_uid if file.exists() else None


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
