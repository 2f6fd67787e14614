"""The bound of what a container writes into itself: tried at each start, because podman's storage may have changed."""

import structlog

from pvdify.adapters.podman.layers.bounds import Layers, find_layers
from pvdify.plumbing.command_runner import CommandRunner
from pvdify.settings import Settings

log = structlog.get_logger()


async def find_container_disk(settings: Settings, runner: CommandRunner) -> Layers:
    """Return the bound of ``max_container_disk`` if this machine can keep it; else log why containers have none."""
    layers = await find_layers(runner, settings)
    if layers.bound is not None and layers.bound.size is None:
        log.info("container_disk.not_bounded", why=layers.bound.why)
    return layers
