"""The bound of what a container writes into itself: tried at each start, because podman's storage may have changed."""

import asyncio
from pathlib import Path

import structlog

from pvdify.adapters.podman.layers.bounds import Layers, find_layers
from pvdify.model.layer_bound import LayerBound
from pvdify.model.runtime_choice import CLUSTER
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed
from pvdify.settings import Settings

log = structlog.get_logger()
MOUNTS = Path("/proc/self/mounts")


async def find_container_disk(settings: Settings, runner: CommandRunner) -> Layers:
    """Return the bound of ``max_container_disk`` if this machine can keep it; else containers are made without.

    podman is asked only where XFS has project quotas, so that elsewhere a podman that hangs does not delay the start.
    """
    if settings.runtime == CLUSTER:
        return Layers()
    if settings.max_container_disk and not await asyncio.to_thread(has_project_quotas, MOUNTS):
        return Layers(bound=LayerBound(why="it needs podman's storage on XFS mounted with `pquota`, which is not here"))

    async def run(argv: Argv, seconds: float) -> Completed:
        return await runner.run(argv, timeout=seconds)

    first_user = None if settings.user_namespaces == "off" else settings.user_ids[0]
    layers = await find_layers(run, settings.podman_binary, settings.max_container_disk, first_user)
    if layers.bound is not None and layers.bound.size is None:
        log.info("container_disk.not_bounded", why=layers.bound.why)
    return layers


def has_project_quotas(mounts: Path) -> bool:
    """Return whether an XFS is mounted whose project quotas are kept. ``mounts``: the kernel's list, as in proc(5)."""
    lines = (line.split(" ") for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines())
    return any(kind == "xfs" and "prjquota" in options.split(",") for _, _, kind, options, *_ in lines)
