"""Copies of a machine with one app: thousands of schedules begin with the same first deploy."""

import copy
from dataclasses import replace
from typing import Any

from tests.fakes.container import Container
from tests.fakes.machine import Machine
from tests.fakes.store import MemoryStore
from tests.support.virtual_time import LoopClock, VirtualLoop

_PARTS = ("router", "registry", "images", "secrets")  # what a deploy changes, besides the store and the containers


class Deployed:
    """What the first deploy of an app leaves on a machine, whose daemon is gone.

    Args:
        images: what the registry has; the first one is deployed.
        manifest: with which it is deployed.
        settings: of the server.
    """

    def __init__(self, images: tuple[str, ...], manifest: dict[str, Any], **settings: str) -> None:
        self._settings = settings
        loop = VirtualLoop()
        self._machine = Machine(LoopClock(loop), **settings)
        for image in images:
            self._machine.registry.push(image)
        daemon = self._machine.daemon()
        try:
            loop.run_until_complete(daemon.deploy(image=images[0], manifest=manifest))
            loop.run_until_complete(daemon.bury())
        finally:
            loop.close()
        self._end = loop.time()

    def loop(self) -> VirtualLoop:
        """Return a loop whose time goes on from the end of the deploy."""
        return VirtualLoop(self._end)

    def machine(self, loop: VirtualLoop) -> Machine:
        """Return a copy, in the time of this loop."""
        machine = Machine(LoopClock(loop), **self._settings)
        machine.store = MemoryStore(self._machine.store)
        for part in _PARTS:
            ours = getattr(machine, part)
            for name, value in vars(getattr(self._machine, part)).items():
                if isinstance(value, dict | list | set):
                    setattr(ours, name, copy.copy(value))
        origin, supervisor = self._machine.supervisor, machine.supervisor
        supervisor.made_networks = set(origin.made_networks)
        for name, container in origin._containers.items():
            runs = [replace(run) for run in container.runs]
            supervisor._containers[name] = Container(
                spec=container.spec, clock=machine.clock, lines=supervisor._lines, runs=runs
            )
        return machine
