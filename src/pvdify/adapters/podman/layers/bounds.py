"""Whether this host's podman can bound what a container writes into itself, and the options with which it does.

podman bounds a layer with project quotas of XFS. It refuses the option on other storage, and then no container starts.
So it is passed only after a trial: a container with a bound writes more than the bound, and that must fail.
"""

import asyncio
import json
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pvdify.adapters.podman import refusals
from pvdify.adapters.podman.commands import map_users
from pvdify.adapters.podman.machine_root import link_programs
from pvdify.errors import RuntimeUnavailable
from pvdify.model.layer_bound import LayerBound
from pvdify.plumbing.command_runner import Argv, Completed

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
Run = Callable[[Argv, float], Awaitable[Completed]]


@dataclass(frozen=True, kw_only=True)
class Layers:
    """The bound of new containers, and podman's options for it, before its command. No bound: no options.

    ``bound``: None if podman runs no containers of this server.
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


async def find_layers(run: Run, podman: str, size: int, first_user: int | None) -> Layers:
    """Return the bound of ``size`` bytes if podman keeps one here, else why it does not.

    ``first_user``: the user of this host that root in the container is; None without a user namespace.
    """
    if size == 0:
        return _none("the setting max_container_disk is 0")
    try:
        done = await run((podman, "info", "--format", "json"), SECONDS)
        storage = read_storage(done.stdout) if done.exit_code == 0 else None
        if storage is None:
            return _none(f"`podman info` failed: {refusals.words_of(done.stderr)}")
        why = known_obstacle(storage) or await _try(run, podman, storage, first_user)
    except RuntimeUnavailable as error:
        return _none(error.why or error.what)
    except OSError as error:
        return _none(f"the files of a trial could not be written: {error}")
    return _none(why) if why else Layers(bound=LayerBound(size=size), options=options_for(storage, size))


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


async def _try(run: Run, podman: str, storage: Storage, first_user: int | None) -> str:
    if (await asyncio.to_thread(shutil.disk_usage, storage.root)).free < ROOM:
        return f"less than {ROOM // MIB} MiB are free on the disk of {storage.root}, too little to try it"
    image = f"localhost/pvdify-trial:{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="pvdify-trial-") as directory:
        archive = Path(directory, "image.tar")
        folders = await asyncio.to_thread(_write_image, Path(directory, "rootfs"), archive)
        made = await run((podman, "import", "--quiet", str(archive), image), SECONDS)
    if made.exit_code != 0:
        return f"the image of a trial could not be made: {refusals.words_of(made.stderr)}"
    options = options_for(storage, TRIAL_BOUND)
    try:
        return judge_trial(await run(trial(podman, options, image, folders, first_user), SECONDS))
    finally:
        await run((podman, "rmi", "--force", image), SECONDS)


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
