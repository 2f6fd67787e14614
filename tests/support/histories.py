"""Requests to an app in any order, as hypothesis rules; after each, exactly what is declared must run."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from pvdify.engine.deploys.processes import Processes
from pvdify.engine.deploys.requests import Requests
from pvdify.engine.edge.domains import Domains
from pvdify.errors import PvdifyError
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.model.operation import Operation, Strategy
from pvdify.model.scale import Relative, RequestedCount
from tests.support.asking import ACTOR

VERSIONS = ("v1", "v2", "v3", "v4")
BROKEN = VERSIONS[3]  # this one's web process exits at once
HOSTNAMES = ("www.example.org", "shop.example.org")
KEYS = ("GREETING", "COLOUR")


class Asked(Protocol):
    """The engine that the rules use."""

    requests: Requests
    processes: Processes
    domains: Domains

    async def deploy(self, *, image: str, manifest: dict[str, Any], strategy: Strategy) -> object: ...
    async def rollback(self, *, version: int | None, strategy: Strategy) -> object: ...
    async def restart(self, *, process: str | None) -> object: ...
    async def finish_operation(self, operation: Operation) -> object: ...


class HistoryRules(RuleBasedStateMachine):
    """One app. Each rule asks for something, sees it through to its end, and compares."""

    loop: asyncio.AbstractEventLoop
    daemon: Any  # an Asked

    def reference(self, version: str) -> str:
        """The image of this version."""
        raise NotImplementedError

    async def compare(self) -> None:
        """Fails unless what is declared runs."""
        raise NotImplementedError

    @rule(
        version=st.sampled_from(VERSIONS), web=st.integers(0, 3), worker=st.integers(0, 2), overlap=st.booleans(),
        strategy=st.sampled_from(Strategy),
    )  # fmt: skip
    def deploy(self, version: str, web: int, worker: int, overlap: bool, strategy: Strategy) -> None:
        workers = {"command": ["/bin/sleep", "1000"], "count": worker, "overlap": overlap}
        manifest = {"processes": {"web": {"count": web}, "worker": workers}, "stop_timeout": "1s"}
        self.see(lambda daemon: daemon.deploy(image=self.reference(version), manifest=manifest, strategy=strategy))

    @rule(version=st.none() | st.integers(1, 6), strategy=st.sampled_from(Strategy))
    def roll_back(self, version: int | None, strategy: Strategy) -> None:
        self.see(lambda daemon: daemon.rollback(version=version, strategy=strategy))

    @rule(process=st.sampled_from(("web", "worker")), number=st.integers(0, 3), how=st.sampled_from(Relative))
    def scale(self, process: str, number: int, how: Relative) -> None:
        async def ask(daemon: Asked) -> None:
            requested = {process: RequestedCount(number=number, how=how)}
            await daemon.finish_operation(await daemon.processes.scale("shop", requested, ACTOR))

        self.see(ask)

    @rule(process=st.sampled_from((None, "web", "worker")))
    def restart(self, process: str | None) -> None:
        self.see(lambda daemon: daemon.restart(process=process))

    @rule(is_stopped=st.booleans())
    def stop_or_start(self, is_stopped: bool) -> None:
        async def ask(daemon: Asked) -> None:
            await daemon.finish_operation(await daemon.processes.set_stopped("shop", ACTOR, is_stopped=is_stopped))

        self.see(ask)

    @rule(key=st.sampled_from(KEYS), value=st.none() | st.sampled_from(("one", "two")))
    def change_config(self, key: str, value: str | None) -> None:
        var = None if value is None else ConfigVar(value=Secret(value))
        self.see(lambda daemon: daemon.requests.change_config("shop", {key: var}, ACTOR))

    @rule(hostname=st.sampled_from(HOSTNAMES), is_added=st.booleans())
    def change_domains(self, hostname: str, is_added: bool) -> None:
        async def ask(daemon: Asked) -> None:
            change = daemon.domains.add if is_added else daemon.domains.remove
            await change("shop", hostname, ACTOR)

        self.see(ask)

    def see(self, ask: Callable[[Asked], Awaitable[object]]) -> None:
        """Send the request and compare. A refused request must change nothing."""

        async def work() -> None:
            with suppress(PvdifyError):
                await ask(self.daemon)
            await self.compare()

        self.wait(work())

    def wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do this to its end."""
        return self.loop.run_until_complete(work)
