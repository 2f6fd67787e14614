"""The bound of what a container writes into itself: tried at each start, because podman's storage may have changed."""

import structlog

from pvdify.adapters.podman.layers.bounds import Layers, find_layers
from pvdify.model.runtime_choice import CLUSTER
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed
from pvdify.settings import Settings

log = structlog.get_logger()


async def find_container_disk(settings: Settings, runner: CommandRunner) -> Layers:
    """Return the bound of ``max_container_disk`` if this machine can keep it; else containers are made without."""
    if settings.runtime == CLUSTER:
        return Layers()

    async def run(argv: Argv, seconds: float) -> Completed:
        return await runner.run(argv, timeout=seconds)

    first_user = None if settings.user_namespaces == "off" else settings.user_ids[0]
    layers = await find_layers(run, settings.podman_binary, settings.max_container_disk, first_user)
    if layers.bound is not None and layers.bound.size is None:
        log.info("container_disk.not_bounded", why=layers.bound.why)
    return layers
