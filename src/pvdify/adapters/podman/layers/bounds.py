"""Whether this host's podman can bound what a container writes into itself, and the options with which it does.

podman bounds a layer with project quotas of XFS. It refuses the option on other storage, and then no container starts.
So it is passed only after a trial: a container with a bound writes more than the bound, and that must fail. If no XFS
with such quotas is mounted, podman is not asked, so that a podman that hangs does not delay the start of pvdifyd.
"""

import asyncio
import json
import os
import re
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvdify.adapters.podman import refusals
from pvdify.adapters.podman.commands import map_users
from pvdify.adapters.podman.machine_root import link_programs
from pvdify.errors import RuntimeUnavailable
from pvdify.model.layer_bound import LayerBound
from pvdify.model.runtime_choice import CLUSTER
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed
from pvdify.settings import Settings

MOUNTS = Path("/proc/self/mounts")
MIB = 1024 * 1024
TRIAL_BOUND, WITHIN, BEYOND = 16 * MIB, 4 * MIB, 32 * MIB
ROOM = 256 * MIB  # of free disk; with less, a write could fail for another cause than the bound
PLACE = "trial"  # a directory of the image; the container's root may not write to / itself
FILL = (
    f"cd /{PLACE} && head -c {WITHIN} /dev/zero > within && echo within=$(wc -c < within); "
    f"head -c {BEYOND} /dev/zero > beyond; echo beyond=$(wc -c < beyond)"
)
OPTION = "--storage-opt"
SECONDS = 30.0  # for each call; pvdifyd waits for them at its start


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The bound of new containers, and podman's options for it, before its command. No bound: no options.

    ``bound``: None if all containers of this server are in a cluster.
    """

    bound: LayerBound | None = None
    options: Argv = ()


@dataclass(frozen=True, kw_only=True)
class Storage:
    """What podman says about its storage. ``options``: those of storage.conf; None if one cannot be repeated."""

    driver: str
    file_system: str
    root: Path
    options: tuple[str, ...] | None


async def find_layers(runner: CommandRunner, settings: Settings) -> Layers:
    """Return the bound of ``max_container_disk`` if podman keeps one here, else why it does not."""
    if settings.runtime == CLUSTER:
        return Layers()
    if settings.max_container_disk == 0:
        return _none("the setting max_container_disk is 0")
    if not await asyncio.to_thread(has_project_quotas, MOUNTS):
        return _none("podman can limit it only on XFS mounted with `pquota`, and no such file system is mounted")
    try:
        return await _ask(runner, settings)
    except RuntimeUnavailable as error:
        return _none(error.why or error.what)
    except OSError as error:
        return _none(f"the files of a trial could not be written: {error}")


def has_project_quotas(mounts: Path) -> bool:
    """Return whether an XFS is mounted whose project quotas are kept. ``mounts``: the kernel's list, as in proc(5)."""
    lines = (line.split(" ") for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines())
    return any(kind == "xfs" and "prjquota" in options.split(",") for _, _, kind, options, *_ in lines)


def read_storage(text: str) -> Storage | None:
    """Parse the output of ``podman info --format json``; return None for any other text."""
    try:
        store: dict[str, Any] = json.loads(text)["store"]
        options = store.get("graphOptions") or {}
        can_repeat = all(isinstance(value, str) for value in options.values())
        return Storage(
            driver=store["graphDriverName"],
            file_system=(store.get("graphStatus") or {}).get("Backing Filesystem", "an unknown file system"),
            root=Path(store["graphRoot"]),
            options=tuple(f"{key}={value}" for key, value in options.items()) if can_repeat else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def known_obstacle(storage: Storage) -> str:
    """Return why podman has no bound here, if that is known without a trial; else ""."""
    if storage.driver != "overlay":
        return f"podman's storage driver is {storage.driver}, and its command line takes a size only for overlay"
    if storage.file_system != "xfs":
        return f"podman can limit it only on XFS, and {storage.root} is on {storage.file_system}"
    if storage.options is None:
        return "podman's storage.conf has options that a size on the command line would replace"
    own = next((each for each in storage.options if re.match(r"(overlay\.)?size=", each)), None)
    return f"podman's storage.conf has a size for all containers, which holds ({own})" if own else ""


def options_for(storage: Storage, size: int) -> Argv:
    """Return the options for a bound. podman forgets those of storage.conf if one is given, so they are repeated."""
    return tuple(word for each in (*(storage.options or ()), f"overlay.size={size}") for word in (OPTION, each))


def trial(podman: str, options: Argv, image: str, folders: tuple[str, ...], first_user: int | None) -> Argv:
    """Return the command that runs FILL in a container with a bound."""
    return (
        *(podman, *options, "run", "--rm", "--network", "none", "--log-driver", "none", *map_users(first_user)),
        *("--security-opt", "no-new-privileges", "--security-opt", "label=disable", "--cap-drop=all"),
        *("--pull=never", *(f"--volume=/{folder}:/{folder}:ro" for folder in folders)),
        *(image, "/bin/sh", "-c", FILL),
    )


def judge_trial(done: Completed) -> str:
    """Return what a trial shows to be wrong; "" if the container could write less than the bound, and not more."""
    written = {name: int(count) for name, count in re.findall(r"(within|beyond)=(\d+)", done.stdout)}
    if written.get("within") != WITHIN or "beyond" not in written:
        return f"a container with a limit did not work: {refusals.words_of(done.stderr) or done.stdout.strip()}"
    if written["beyond"] > TRIAL_BOUND:
        return "podman accepted a size, but a container that was tried wrote more"
    return ""


async def _ask(runner: CommandRunner, settings: Settings) -> Layers:
    """Ask podman about its storage, and try a container on it. Raises RuntimeUnavailable or OSError."""
    done = await runner.run((settings.podman_binary, "info", "--format", "json"), timeout=SECONDS)
    storage = read_storage(done.stdout) if done.exit_code == 0 else None
    if storage is None:
        return _none(f"`podman info` failed: {refusals.words_of(done.stderr)}")
    if why := known_obstacle(storage) or await _try(runner, settings, storage):
        return _none(why)
    size = settings.max_container_disk
    return Layers(bound=LayerBound(size=size), options=options_for(storage, size))


async def _try(runner: CommandRunner, settings: Settings, storage: Storage) -> str:
    if (await asyncio.to_thread(shutil.disk_usage, storage.root)).free < ROOM:
        return f"less than {ROOM // MIB} MiB are free on the disk of {storage.root}, too little to try it"
    podman, image = settings.podman_binary, f"localhost/pvdify-trial:{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="pvdify-trial-") as directory:
        archive = Path(directory, "image.tar")
        folders = await asyncio.to_thread(_write_image, Path(directory, "rootfs"), archive)
        made = await runner.run((podman, "import", "--quiet", str(archive), image), timeout=SECONDS)
    if made.exit_code != 0:
        return f"the image of a trial could not be made: {refusals.words_of(made.stderr)}"
    first_user = None if settings.user_namespaces == "off" else settings.user_ids[0]
    argv = trial(podman, options_for(storage, TRIAL_BOUND), image, folders, first_user)
    try:
        return judge_trial(await runner.run(argv, timeout=SECONDS))
    finally:
        await runner.run((podman, "rmi", "--force", image), timeout=SECONDS)


def _write_image(rootfs: Path, archive: Path) -> tuple[str, ...]:
    """Write a root file system without programs as an archive; return the folders of this machine to mount."""
    rootfs.mkdir()
    folders = tuple(link_programs(rootfs))
    (rootfs / PLACE).mkdir()
    (rootfs / PLACE).chmod(0o777)
    with tarfile.open(archive, "w") as tar:
        tar.add(rootfs, arcname=".")
    return folders


def _none(why: str) -> Layers:
    return Layers(bound=LayerBound(why=why))
