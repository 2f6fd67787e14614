"""The router: hostname -> live slot, in a process of its own."""

from collections.abc import Collection
from typing import Protocol

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import ProbeResult
from pvdify.model.route import Route, Routes, TargetCount, Traffic

PROOF_PATH = "/.well-known/pvdify/confirm/"
API_KEY_HEADER = "X-Pvdify-Router"  # of requests for the API that the router passes on


class Router(Protocol):
    """The data plane. What ``put`` acknowledged is on disk and in force, and survives the router's own death."""

    async def ensure_running(self) -> None:
        """Start the router if it does not run, and put in force what is on disk. Raises RouterUnavailable."""
        ...

    async def wait_died(self) -> None:
        """Wait until the router no longer runs, at once if it does not. Never raises."""
        ...

    async def routes(self) -> Routes:
        """app -> route, as in force, with hostnames in alphabetical order. Raises RouterUnavailable."""
        ...

    async def put(self, route: Route) -> None:
        """Make this the app's route, atomically for its visitors; no other app notices. Putting twice equals once.

        Hostnames are lower case, without a dot at the end. Targets of other slots of the app stay known until
        ``forget``.

        Raises RouterUnavailable: it may or may not be in force; look with ``routes``.
        """
        ...

    async def take_out(self, app: str, slot: int, number: int) -> None:
        """Send this instance of a slot nothing new, unless the slot has no other one. What is live stays so.

        The next ``put`` decides anew. What is not there is fine.

        Raises RouterUnavailable.
        """
        ...

    async def forget(self, app: str, slot: int) -> None:
        """Drop what is known of a slot that is not live (its targets and counts).

        Raises RouterUnavailable. A live slot is a mistake of the caller's: ValueError, and nothing happens.
        """
        ...

    async def remove(self, app: str) -> None:
        """Drop the app: its hostnames answer 404 from now on. Raises RouterUnavailable."""
        ...

    async def traffic(self, app: str, slot: int, number: int | None = None) -> Traffic:
        """What was counted for one slot, or for one instance of it, also one that is no target any more.

        All zero for what is unknown. Raises RouterUnavailable.

        Counts begin anew when the router does; ``in_flight`` outlives a replaced router that finishes its requests.
        """
        ...

    async def end_requests(self, targets: Collection[Endpoint]) -> int:
        """Close the connections of what is in flight to these endpoints, WebSockets and event streams too.

        Returns how many requests were ended. Raises RouterUnavailable: some of them may have been ended.
        """
        ...

    async def upgraded(self, targets: Collection[Endpoint]) -> int:
        """Return how many of the requests in flight to these endpoints are upgraded connections (WebSockets).

        Raises RouterUnavailable.
        """
        ...

    async def counts(self) -> tuple[TargetCount, ...]:
        """What was counted for every target that got a request since the router started. Raises RouterUnavailable."""
        ...

    async def ask(self, hostname: str, path: str, timeout: float) -> tuple[ProbeResult, str | None]:
        """GET ``path`` through the router as a visitor would; the answer, and the slot key it came from, if any.

        Never raises: a router that does not answer is a ProbeResult too.
        """
        ...

    async def api_key(self) -> str:
        """What the router says in ``API_KEY_HEADER`` to pvdifyd, and no other program can: empty before it first ran.

        Raises nothing.
        """
        ...

    async def proof(self, path: str, slot: str) -> bytes:
        """What only this router answers to a GET of a path below ``PROOF_PATH`` while the slot with this key is live.

        Never raises.
        """
        ...
