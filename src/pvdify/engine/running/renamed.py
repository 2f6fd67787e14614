"""Ports that find the containers, networks and logs of renamed apps, some of which still have the former name."""

from dataclasses import replace

from pvdify.engine.redaction.unchanged import unchanged
from pvdify.engine.world import World
from pvdify.model.former_name import FormerNames
from pvdify.model.instance import FoundInstance
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.networks import Networks


def with_former_names(world: World) -> World:
    """Return the world with ports that include containers, networks and logs under an app's former names."""
    names = world.former_names
    return replace(
        world,
        instances=RenamedInstances(world.instances, names),
        networks=RenamedNetworks(world.networks, names),
        instance_logs=RenamedLogs(world.instance_logs, names),
    )


class RenamedInstances(Instances):
    """The ``instances`` port with current app names; finds containers under former names, too."""

    def __init__(self, instances: Instances, former_names: FormerNames) -> None:
        self._port = instances
        self._former_names = former_names

    async def find(self, app: str | None = None) -> tuple[FoundInstance, ...]:
        names = (None,) if app is None else self._former_names.of(app)
        found = [each for name in names for each in await self._port.find(name)]
        return tuple(replace(each, app=self._former_names.current(each.app)) for each in found)

    is_running = unchanged(Instances.is_running)
    start = unchanged(Instances.start)
    refresh = unchanged(Instances.refresh)
    create = unchanged(Instances.create)
    stop = unchanged(Instances.stop)
    remove = unchanged(Instances.remove)
    wait_down = unchanged(Instances.wait_down)
    wait = unchanged(Instances.wait)
    restarts = unchanged(Instances.restarts)
    forget_restarts = unchanged(Instances.forget_restarts)


class RenamedNetworks(Networks):
    """The ``networks`` port that removes an app's networks under former names, too."""

    def __init__(self, networks: Networks, former_names: FormerNames) -> None:
        self._port = networks
        self._former_names = former_names

    async def remove(self, app: str) -> None:
        for name in self._former_names.of(app):
            await self._port.remove(name)

    apps = unchanged(Networks.apps)
    keep_apart = unchanged(Networks.keep_apart)


class RenamedLogs(InstanceLogs):
    """The ``instance_logs`` port that includes an app's logs under former names."""

    def __init__(self, logs: InstanceLogs, former_names: FormerNames) -> None:
        self._port = logs
        self._former_names = former_names

    async def writers(self, app: str) -> tuple[str, ...]:
        return tuple([each for name in self._former_names.of(app) for each in await self._port.writers(name)])

    async def forget(self, app: str) -> None:
        for name in self._former_names.of(app):
            await self._port.forget(name)

    tail = unchanged(InstanceLogs.tail)
    history = unchanged(InstanceLogs.history)
    follow = unchanged(InstanceLogs.follow)
    output = unchanged(InstanceLogs.output)
