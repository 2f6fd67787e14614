"""The lives of many pull requests on a machine of fakes, with everything that can go wrong between GitHub and us.

Webhooks are signed and received as real ones, and are lost, come twice, late or in another order; the host often does
not answer; the daemon is killed at any time. Three promises are held against all of it: nothing is left 24 h and 10 min
after closing, nothing goes while its pull request is open, and nothing goes earlier than 24 h after it was closed.
"""

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pvdify.engine.state.services.keeper import TIDY_EVERY
from pvdify.engine.state.services.services import ServiceRequest
from pvdify.errors import CodeHostUnavailable
from pvdify.model.preview import PullRequestState
from pvdify.model.service import ServiceState
from pvdify.model.webhook import IncomingWebhook, signature_of
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.machine import ACTOR, WEBHOOK_SECRET, Daemon, Machine
from tests.support.databases import Databases
from tests.support.wanted import preview_request

REPOSITORY, POSTGRES = "org/shop", "reg.example.com/postgres:15"
DAY, GRACE = timedelta(hours=24), timedelta(minutes=10)
LOST, TWICE, LATE, HOST_FAILS, RESTARTS = 0.3, 0.1, 0.1, 0.25, 0.02
STEP = 300  # seconds between two things that may happen
LIVES_A_SERVER = 100


class Unreliable(FakeCodeHost):
    """A code host that does not answer one question in four."""

    dice: random.Random

    async def pull_request(self, repository: str, number: int) -> PullRequestState | None:
        if self.dice.random() < HOST_FAILS:
            raise CodeHostUnavailable("no answer", why="chance", next="ask again")
        return await super().pull_request(repository, number)


@dataclass
class Life:
    """What one pull request does, in seconds from the start, and what became of its preview."""

    number: int
    happens: list[tuple[int, str]]
    is_open: bool = False
    closed_at: datetime | None = None
    messages: list[tuple[int, IncomingWebhook]] = field(default_factory=list)


@dataclass
class Outcome:
    """The result of one server's share; ``left`` names what still exists of any preview."""

    lives: int
    broken: list[str]
    left: list[str]
    traffic_counts: dict[str, int]


@dataclass
class Simulation:
    """One server's share of the lives."""

    dice: random.Random
    machine: Machine
    daemon: Daemon
    lives: dict[int, Life]
    broken: list[str] = field(default_factory=list)
    traffic_counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("sent", "lost", "twice", "late", "restarts"), 0)
    )

    def tell(self, second: int, life: Life, sign: PullRequestState) -> None:
        """Send a webhook, which may be lost, duplicated or delayed."""
        self.traffic_counts["sent"] += 1
        message = _webhook(f"{life.number}-{self.traffic_counts['sent']}", life.number, sign)
        is_twice = self.dice.random() < TWICE
        self.traffic_counts["twice"] += is_twice
        for _ in range(1 + is_twice):
            if self.dice.random() < LOST:
                self.traffic_counts["lost"] += 1
                continue
            is_late = self.dice.random() < LATE
            self.traffic_counts["late"] += is_late
            life.messages.append((second + (self.dice.randrange(600, 4 * 3600) if is_late else 0), message))

    async def deliver(self, second: int, life: Life) -> None:
        due = [message for at, message in life.messages if at <= second]
        life.messages = [(at, message) for at, message in life.messages if at > second]
        self.dice.shuffle(due)
        for message in due:
            await self.daemon.webhooks.receive(message)

    async def happen(self, second: int, life: Life, what: str) -> None:
        host = self.machine.code_host
        sign = host.close(REPOSITORY, life.number) if what == "close" else host.open(REPOSITORY, life.number)
        life.is_open = what != "close"
        life.closed_at = None if life.is_open else self.machine.clock.now()
        self.tell(second, life, sign)
        if what in ("open", "push"):
            image = f"reg.example.com/shop:pr-{life.number}"
            request = preview_request(image=image, repository=REPOSITORY, as_of=sign.as_of)
            await self.daemon.previews.open("shop", life.number, request, ACTOR)

    async def restart(self) -> None:
        self.traffic_counts["restarts"] += 1
        await self.daemon.bury()
        self.daemon = self.machine.daemon()
        await self.daemon.worker.resume()

    async def settle(self) -> None:
        """Let the engine finish what it has begun: deploys, retirements and destructions."""
        store, keeper = self.machine.store, self.daemon.service_keeper
        patience = 300
        while await store.unsettled_operations() or not (await self._has_settled_services() or patience < 0):
            patience -= 1
            if await store.services():
                await keeper.advance_all()
                await keeper.settle()
            await self.machine.clock.sleep(1.0)

    async def _has_settled_services(self) -> bool:
        """Whether each service of a preview is live with its data, and none is of a preview that has gone."""
        services = [it for it in await self.machine.store.services() if it.owner and not it.is_trashed]
        apps = {it.name for it in await self.machine.store.apps()} if services else set()
        return all(it.state is ServiceState.LIVE and not it.is_busy and it.owner in apps for it in services)

    async def run_reaper(self) -> None:
        """Run the reaper. It runs every half minute; if nothing is due, one run in a step has the same effect."""
        for again in range(STEP // 30 - 1):
            if again:
                self.machine.clock.jump(30)
            await self.daemon.reaper.check_all()
            await self.settle()
            now = self.machine.clock.now()
            if all(it.ends_at > now for it in await self.machine.store.previews_due(now, now - 10 * DAY)):
                return

    async def check(self) -> None:
        present = {it.number for it in await self.machine.store.previews()}
        now = self.machine.clock.now()
        for life in self.lives.values():
            is_here = life.number in present
            if life.is_open and not is_here:
                self.broken.append(f"{life.number} went while it was open")
            if life.closed_at and not is_here and now < life.closed_at + DAY:
                self.broken.append(f"{life.number} went {life.closed_at + DAY - now} early")
            if life.closed_at and is_here and now > life.closed_at + DAY + GRACE:
                self.broken.append(f"{life.number} was left {now - life.closed_at - DAY} after its time")

    async def run(self) -> None:
        """From the first pull request until a day after the last was closed."""
        end = max(life.happens[-1][0] for life in self.lives.values()) + 25 * 3600
        by_second: dict[int, list[tuple[Life, str]]] = {}
        for life in self.lives.values():
            for at, what in life.happens:
                by_second.setdefault(at, []).append((life, what))
        for second in range(0, end, STEP):
            for life, what in by_second.get(second, ()):
                await self.happen(second, life, what)
            for life in self.lives.values():
                if life.messages:
                    await self.deliver(second, life)
            if self.dice.random() < RESTARTS:
                await self.restart()
            await self.settle()
            await self.run_reaper()
            await self.check()
            self.machine.clock.jump(max(0.0, second + STEP - self.machine.clock.monotonic()))


async def one_server(seed: int, count: int = LIVES_A_SERVER, *, services: bool = False) -> Outcome:
    """Simulate this many lives on one server, from this seed; ``services``: each preview has two of its own."""
    dice = random.Random(seed)
    machine = Machine(standby="1s", ports="2000-60000")
    machine.clock._patience = 3
    machine.host.available_memory = 10**15
    host = Unreliable(clock=machine.clock)
    host.dice = dice
    machine.code_host = host
    simulation = Simulation(dice=dice, machine=machine, daemon=machine.daemon(), lives=_lives(dice, count))
    for name in ("v1", *(f"pr-{number}" for number in simulation.lives)):
        machine.registry.push(f"reg.example.com/shop:{name}", content="one")
    manifest: dict[str, Any] = {"previews": {"max": 100_000}, "processes": {}}
    if services:
        manifest["previews"]["services"] = {"db": "fresh", "copy": "copy-of stage"}
        await _with_services(machine, simulation.daemon)
    await simulation.daemon.deploy(image="reg.example.com/shop:v1", manifest=manifest)
    await simulation.run()
    if services:
        await machine.clock.sleep(TIDY_EVERY)
        await simulation.daemon.service_keeper.advance_all()
        await simulation.daemon.service_keeper.settle()
    left = await _left(machine)
    await simulation.daemon.bury()
    return Outcome(lives=count, broken=simulation.broken, left=left, traffic_counts=simulation.traffic_counts)


def _lives(dice: random.Random, count: int) -> dict[int, Life]:
    """Opened within a day; pushed to, closed, reopened within the day or not."""
    found = {}
    for number in range(1, count + 1):
        at = dice.randrange(0, 24 * 3600, STEP)
        happens = [(at, "open")]
        if dice.random() < 0.15:
            happens.append((at := at + dice.randrange(STEP, 6 * 3600, STEP), "push"))
        happens.append((at := at + dice.randrange(STEP, 12 * 3600, STEP), "close"))
        if dice.random() < 0.25:
            happens.append((at := at + dice.randrange(STEP, 23 * 3600, STEP), "reopen"))
            happens.append((at + dice.randrange(STEP, 30 * 3600, STEP), "close"))
        found[number] = Life(number=number, happens=happens)
    return found


def _webhook(id: str, number: int, sign: PullRequestState) -> IncomingWebhook:
    at = sign.as_of.isoformat() if sign.as_of else ""
    state = {"state": "open", "closed_at": None} if sign.is_open else {"state": "closed", "closed_at": at}
    said = {"number": number, "pull_request": {**state, "updated_at": at}, "repository": {"full_name": REPOSITORY}}
    content = json.dumps({**said, "id": id}).encode()
    return IncomingWebhook(
        id=id, event="pull_request", signature=signature_of(WEBHOOK_SECRET, content), content=content, address="github"
    )


async def _with_services(machine: Machine, daemon: Daemon) -> None:
    """``db``, to which shop is linked, and ``stage``."""
    machine.registry.push(POSTGRES, content="postgres")
    Databases(machine)
    await daemon.requests.create_app("shop", ACTOR)
    for name in ("db", "stage"):
        await daemon.services.create(name, ServiceRequest(kind="postgres", image=POSTGRES), ACTOR)
    for _ in range(4):
        await daemon.service_keeper.advance_all()
        await daemon.service_keeper.settle()
        await machine.clock.sleep(1.0)
    await daemon.service_links.link("db", "shop", None, ACTOR)


async def _left(machine: Machine) -> list[str]:
    """Return everything that is named like a preview, except events."""
    store, everything = machine.store, [*machine.supervisor.names, *(await machine.router.routes())]
    everything += machine.supervisor.made_networks
    everything += [*(await machine.private_networks.find()), *(await machine.volumes.find())]
    everything += [app for app, _ in (*machine.secrets.versions, *machine.deploy_log.entries, *machine.images._pins)]
    tables = store._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for table in sorted({row["name"] for row in tables} - {"events", "sqlite_sequence"}):
        everything += [str(tuple(row)) for row in store._connection.execute(f"SELECT * FROM {table}")]
    return sorted({name for name in everything if "-pr-" in name})


def total(outcomes: Iterable[Outcome]) -> Outcome:
    """All servers together."""
    whole = Outcome(lives=0, broken=[], left=[], traffic_counts={})
    for it in outcomes:
        whole.lives += it.lives
        whole.broken += it.broken
        whole.left += it.left
        whole.traffic_counts = {
            name: whole.traffic_counts.get(name, 0) + count for name, count in it.traffic_counts.items()
        }
    return whole
