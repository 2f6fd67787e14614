"""A fake and a real machine to run the supervisor's contract on, with programs that behave the same on both."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from pvdify.adapters.clock.clock import SystemClock
from pvdify.model.endpoint import Exposed
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.ports.clock import Clock
from tests.fakes.behaviour import Behaviour
from tests.fakes.clock import FakeClock
from tests.fakes.supervisor import FakeSupervisor
from tests.support.endpoints import exposed
from tests.support.podman import Supervisor
from tests.support.waiting import PATIENCE

SERVER = "echo ready; exec httpd -f -p $PORT -h /www"
LOCAL_SERVER = "exec httpd -f -p 127.0.0.1:$PORT -h /www"
TALKER = "echo one; echo two; exit 3"
COUNTER = "i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo line $i; done; exec sleep 1000"
ASKER = "echo one; printf 'Password: '; sleep 5; exit 3"
STUBBORN = "trap '' TERM; while true; do sleep 1; done"
GREEDY = "exec tail /dev/zero"
MISSING = ("/no/such/program", "--flag")

FAKE_BEHAVIOURS = {
    SERVER: Behaviour(lines=("ready",)),
    LOCAL_SERVER: Behaviour(listens_on="127.0.0.1"),
    TALKER: Behaviour(lines=("one", "two"), exit_code=3),
    COUNTER: Behaviour(lines=tuple(f"line {number}" for number in range(1, 1501))),
    ASKER: Behaviour(lines=("one", "Password: "), is_last_unended=True, exit_code=3, exit_after=5.0),
    STUBBORN: Behaviour(stop_seconds=1000),
    GREEDY: Behaviour(exit_code=137, is_out_of_memory=True, exit_after=0.1),
    MISSING: Behaviour(refuse="the image has no /no/such/program"),
}


class World(Protocol):
    supervisor: Supervisor
    clock: Clock
    image_id: str
    first_port: int

    def exposed(self, number: int) -> Exposed:
        """Return how requests reach instance ``number``, whose program listens on 8080."""
        ...

    async def lose_daemon(self) -> None:
        """Kill the daemon; ``supervisor`` is then its successor's."""
        ...


@dataclass
class FakeWorld:
    supervisor: FakeSupervisor
    clock: FakeClock
    image_id: str = "image"
    first_port: int = 3001

    def exposed(self, number: int) -> Exposed:
        return exposed(self.first_port + number)

    async def lose_daemon(self) -> None:
        pass  # the fake is the machine, not the daemon


@dataclass
class PodmanWorld:
    successor: Callable[[], Supervisor]
    image_id: str
    first_port: int
    clock: SystemClock
    supervisor: Supervisor

    def exposed(self, number: int) -> Exposed:
        return exposed(self.first_port + number)

    async def lose_daemon(self) -> None:
        self.supervisor = self.successor()


def fake_world() -> FakeWorld:
    clock = FakeClock()
    supervisor = FakeSupervisor(clock=clock)
    for command, behaviour in FAKE_BEHAVIOURS.items():
        supervisor.script(behaviour, command=command)
    return FakeWorld(supervisor=supervisor, clock=clock)


def make_spec(world: World, command: str | tuple[str, ...] = SERVER, *, number: int = 1, **parts) -> InstanceSpec:
    """An instance of web; ``parts`` replace what the spec would say."""
    usual = {
        "name": f"pvdify-shop-web-v1-{number}",
        "app": "shop",
        "process": "web",
        "slot": 1,
        "number": number,
        "role": Role.INSTANCE,
        "operation": "op1",
        "image_id": world.image_id,
        "command": command,
        "environment": {"PORT": Secret("8080")},
        "exposed": world.exposed(number),
        "limits": Limits(memory=32 * 1024**2),
    }
    return InstanceSpec(**(usual | parts))


async def eventually(world: World, question: Callable[[], Awaitable[object]]) -> object:
    """Repeat the check until it is true, or fail after a while."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := await question()):
        assert time.monotonic() < deadline, "it did not happen"
        await world.clock.sleep(0.05)
        await asyncio.sleep(0)
    return answer
