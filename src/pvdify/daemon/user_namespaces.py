"""A check at start-up that this machine can do what the setting ``user_namespaces`` asks for."""

import platform

from pvdify.adapters.podman.users.support import find_obstacle
from pvdify.errors import InvalidSetting
from pvdify.model.runtime_choice import CLUSTER
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed
from pvdify.settings import Settings


async def check_user_namespaces(settings: Settings, runner: CommandRunner) -> None:
    """Raise InvalidSetting if the setting is on and a container with a user namespace does not work here.

    Otherwise containers would start without one, or could not write their volumes. Raises RuntimeUnavailable.
    """
    if settings.user_namespaces == "off":
        return
    what = "pvdifyd did not start with user_namespaces = on; running apps keep running"
    if settings.runtime == CLUSTER:
        raise InvalidSetting(
            what, why="the containers are in a cluster, and the setting is for those of this machine",
            next='set user_namespaces = "off"',
        )  # fmt: skip

    async def run(argv: Argv, seconds: float) -> Completed:
        return await runner.run(argv, timeout=seconds)

    obstacle = await find_obstacle(run, settings.podman_binary, platform.release(), settings.user_ids[0])
    if obstacle is not None:
        raise InvalidSetting(what, why=obstacle.why, next=obstacle.next)
