"""The edge: the service through which requests from the internet reach this server, and its tunnel."""

from typing import Protocol

from pvdify.model.edge import EdgeLink, EdgeState, EdgeWanted
from pvdify.model.instance import Secret
from pvdify.model.public import Cause, PublicAnswer


class Edge(Protocol):
    """An account at the provider of the edge.

    ``put`` and ``remove`` are idempotent: they read the state, change what differs, and read the state again. After an
    interruption at any point they can be called again. They change only what pvdify made, which has marks at the edge.

    Raises ServiceUnavailable (a temporary failure; the same call may work later) and EdgeRefused (something is missing,
    such as a permission; the message names it).
    """

    @property
    def kind(self) -> str:
        """The edge's name in answers of the API."""
        ...

    @property
    def address_headers(self) -> tuple[str, ...]:
        """The headers in which the edge sends a visitor's address, most reliable first."""
        ...

    def explain(self, hostname: str, answer: PublicAnswer) -> Cause | None:
        """Return why the edge answered in place of the app, with the next step; None if the edge is not the cause."""
        ...

    async def put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeState:
        """Create or change the edge's records to match ``wanted``.

        A hostname that belongs to another account or record is a problem in the returned state, not an error.
        """
        ...

    async def rules_in_force(self) -> int | None:
        """Return the version of the rules that the local tunnel program uses; None if unknown. Never raises.

        After ``put`` it takes a moment until this equals ``EdgeState.version``.
        """
        ...

    async def remove(self, wanted: EdgeWanted, link: EdgeLink) -> None:
        """Remove everything that pvdify made at the edge. ``wanted``: the value of the last ``put``."""
        ...


class TunnelProcess(Protocol):
    """The program on this machine that receives the edge's requests. Raises RuntimeUnavailable."""

    async def ensure_running(self, run_token: Secret) -> str:
        """Run the program with this token, now and after a reboot. Does nothing if it runs with this token already.

        Returns a sentence for people: where the program runs, or how to run it if the operator has to.
        """
        ...

    async def stop(self) -> None:
        """Stop the program, and delete its token from this machine."""
        ...
