"""The router, which sends each hostname to its live slot. Runs in a process of its own."""

from collections.abc import Collection
from typing import Protocol

from pvdify.model.endpoint import Endpoint
from pvdify.model.probe import ProbeResult
from pvdify.model.route import Route, Routes, TargetCount, Traffic

PROOF_PATH = "/.well-known/pvdify/confirm/"
API_KEY_HEADER = "X-Pvdify-Router"  # in requests for the API that the router passes on


class Router(Protocol):
    """The data plane. A route is on disk and in force when ``put`` returns, and survives a crash of the router."""

    async def ensure_running(self) -> None:
        """Start the router if it does not run, and apply the routes on disk. Raises RouterUnavailable."""
        ...

    async def wait_died(self) -> None:
        """Wait until the router no longer runs; return at once if it does not run. Never raises."""
        ...

    async def routes(self) -> Routes:
        """Return the route in force of each app, with hostnames in alphabetical order. Raises RouterUnavailable."""
        ...

    async def put(self, route: Route) -> None:
        """Make this the app's route. Atomic for visitors, idempotent, and without effect on other apps.

        Hostnames are lower case, without a dot at the end. Targets of the app's other slots are kept until ``forget``.

        Raises RouterUnavailable: the route may or may not be in force; check with ``routes``.
        """
        ...

    async def take_out(self, app: str, slot: int, number: int) -> None:
        """Stop sending new requests to this instance, unless it is the slot's only one. The live slot stays the same.

        The next ``put`` overrides this. Absent is fine.

        Raises RouterUnavailable.
        """
        ...

    async def forget(self, app: str, slot: int) -> None:
        """Delete the targets and counts of a slot that is not live.

        Raises RouterUnavailable. Raises ValueError, without any change, if the slot is live: a mistake of the caller.
        """
        ...

    async def remove(self, app: str) -> None:
        """Remove the app: its hostnames answer 404 from now on. Raises RouterUnavailable."""
        ...

    async def traffic(self, app: str, slot: int, number: int | None = None) -> Traffic:
        """Return the counts of a slot, or of one of its instances, including instances that are no target any more.

        All zero for an unknown slot. Raises RouterUnavailable.

        Counts restart with the router. ``in_flight`` includes requests that a replaced router still finishes.
        """
        ...

    async def end_requests(self, targets: Collection[Endpoint]) -> int:
        """Close the connections of the requests in flight to these endpoints, including WebSockets and event streams.

        Returns how many requests were ended. If RouterUnavailable is raised, some of them may have been ended.
        """
        ...

    async def upgraded(self, targets: Collection[Endpoint]) -> int:
        """Return how many of the requests in flight to these endpoints are upgraded connections (WebSockets).

        Raises RouterUnavailable.
        """
        ...

    async def counts(self) -> tuple[TargetCount, ...]:
        """Return the counts of every target that got a request since the router started. Raises RouterUnavailable."""
        ...

    async def ask(self, hostname: str, path: str, timeout: float) -> tuple[ProbeResult, str | None]:
        """Send a GET request through the router, as a visitor does; return the answer and its slot's key, if any.

        Never raises: a router that does not answer is reported in the ProbeResult.
        """
        ...

    async def api_key(self) -> str:
        """Return the secret that the router sends to pvdifyd in ``API_KEY_HEADER``.

        No other program knows the secret. Empty before the router's first start. Never raises.
        """
        ...

    async def proof(self, path: str, slot: str) -> bytes:
        """Return what only this router answers to a GET below ``PROOF_PATH`` while the slot with this key is live.

        Never raises.
        """
        ...
