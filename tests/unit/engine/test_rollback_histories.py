"""500 random histories of an app: each rollback restores exactly what ran, whatever happened in between.

What ran is read from the containers and the route, not from our records, and hashed in a canonical form: everything
visible to a program or a visitor, without what each start changes (names, ports of the host, the release's number).
"""

import hashlib
import json
import random
from dataclasses import asdict
from typing import Any

import pytest

from pvdify.model.config import ConfigVar
from pvdify.model.instance import InstanceSpec, Secret
from pvdify.model.release import ReleaseStatus
from pvdify.model.slot import SlotState
from tests.fakes.behaviour import Behaviour
from tests.fakes.machine import ACTOR, Daemon, Machine, assert_consistent

IMAGE = "reg.example.com/shop"
BROKEN = "broken"
OF_EACH_START = ("name", "slot", "operation", "exposed")
STEPS = 4
COMMANDS = ("deploy", "deploy", "moved tag", "failing", "rollback", "rollback", "wait", "restart")


class History:
    """An app, its random history, and the hash of each release when it went live."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.machine = Machine(standby=f"{self.random.choice((1, 1, 60))}s")
        for tag in ("v1", "v2", "v3"):
            self.machine.registry.push(f"{IMAGE}:{tag}")
        self.machine.registry.push(f"{IMAGE}:{BROKEN}", content=BROKEN)
        self.daemon: Daemon = self.machine.daemon()
        self.specs: dict[int, str] = {}
        self.rollbacks = 0

    async def live(self, *, begin: str) -> None:
        """Run the first deploy and then random commands."""
        await self.do(begin)
        for command in self.random.choices(COMMANDS, k=STEPS):
            await self.do(command)
        await self.do("rollback")
        await self.daemon.bury()

    async def do(self, command: str) -> None:
        match command:
            case "deploy":
                await self._deploy(self.random.choice(("v1", "v2", "v3")))
            case "moved tag":
                tag = self.random.choice(("v1", "v2", "v3"))
                self.machine.registry.push(f"{IMAGE}:{tag}")
                await self._deploy(tag)
            case "failing":
                await self._fail()
            case "wait":
                await self.daemon.finish_retirements()
            case "restart":
                await self.daemon.bury()
                self.daemon = self.machine.daemon()
                await self.daemon.recover()
            case "rollback":
                await self._roll_back()

    async def _deploy(self, tag: str) -> None:
        if self.specs and self.random.random() < 0.6:
            await self._change_config()
        manifest = self._manifest() if self.random.random() < 0.7 else None
        release = await self.daemon.deploy(image=f"{IMAGE}:{tag}", manifest=manifest)
        assert release.failure is None
        self.specs[release.version] = await self._spec()

    async def _fail(self) -> None:
        self.machine.supervisor.script(Behaviour(exit_code=1, listens_after=9), starts=1)
        before = await self._spec()

        release = await self.daemon.deploy(image=f"{IMAGE}:{BROKEN}")

        assert release.status is ReleaseStatus.FAILED
        assert await self._spec() == before

    async def _change_config(self) -> None:
        key, value = self.random.choice("ABC"), Secret(self.random.randbytes(4).hex())
        is_unset = key in (await self.daemon.queries.config("shop")).values and self.random.random() < 0.4
        change = None if is_unset else ConfigVar(value=value, is_secret=self.random.random() < 0.5)
        await self.daemon.requests.change_config("shop", {key: change}, ACTOR)

    async def _roll_back(self) -> None:
        live = await self.machine.store.active_release("shop")
        known = [version for version in self.specs if live is None or version != live.version]
        if not known:
            return
        target = self.random.choice(known)

        release = await self.daemon.rollback(version=target)

        assert release.failure is None
        await assert_consistent(self.machine)
        self.specs[release.version] = await self._spec()
        assert self.specs[release.version] == self.specs[target], (target, release.version)
        self.rollbacks += 1

    def _manifest(self) -> dict[str, Any]:
        pick = self.random.choice
        manifest: dict[str, Any] = {
            "port": pick((8080, 3000)),
            "processes": {"web": {"command": pick((["serve"], "npm start")), "count": pick((1, 2))}},
            "resources": {"memory": pick(("64M", "128M"))},
            "domains": pick(([], ["shop.test"], ["shop.test", "www.shop.test"])),
            "stop_timeout": pick(("1s", "5s")),
        }
        if pick((True, False)):
            manifest["processes"]["worker"] = {"command": ["work"], "resources": {"cpu": pick((0.5, 1))}}
        return manifest

    async def _spec(self) -> str:
        """Return the hash of what runs now."""
        route = (await self.machine.router.routes())["shop"]
        (slot,) = [slot for slot in await self.machine.store.slots("shop") if slot.state is SlotState.LIVE]
        running = self.machine.supervisor.running
        effective = {
            "instances": [_canonical(self.machine.supervisor.spec(it.name)) for it in slot.placements],
            "running": [place.name in running for place in slot.placements],
            "hostnames": sorted(route.hostnames),
            "served by": len(route.targets),
        }
        return hashlib.sha256(json.dumps(effective, sort_keys=True, default=str).encode()).hexdigest()


def _canonical(spec: InstanceSpec) -> dict[str, Any]:
    environment = {key: str(value) for key, value in spec.environment.items() if key != "PVDIFY_RELEASE"}
    return {key: value for key, value in asdict(spec).items() if key not in OF_EACH_START} | {
        "environment": environment
    }


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 500, 50))
async def test_a_rollback_restores_exactly_what_ran_before(first: int):
    rollbacks = 0

    for seed in range(first, first + 50):
        history = History(seed)
        await history.live(begin="deploy")
        rollbacks += history.rollbacks

    assert rollbacks >= 50


async def test_the_hash_changes_with_everything_visible_to_a_program_or_visitor():
    history = History(1)
    seen = set()
    for manifest in ({}, {"port": 3000}, {"stop_timeout": "3s"}, {"domains": ["a.test"]}, {"resources": {"cpu": 0.5}}):
        await history.daemon.deploy(image=f"{IMAGE}:v1", manifest=manifest)
        seen.add(await history._spec())
    await history.daemon.requests.change_config("shop", {"A": ConfigVar(value=Secret("1"))}, ACTOR)
    await history.daemon.deploy(image=f"{IMAGE}:v1")
    seen.add(await history._spec())
    await history.daemon.deploy(image=f"{IMAGE}:v2")
    seen.add(await history._spec())

    assert len(seen) == 7
    await history.daemon.bury()
