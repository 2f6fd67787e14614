"""The edge: how requests from the internet reach this server."""

from typing import Protocol

from pvdify.model.edge import EdgeLink, EdgeState, EdgeWanted
from pvdify.model.instance import Secret
from pvdify.model.public import Cause, PublicAnswer


class Edge(Protocol):
    """An account at the company that runs the edge.

    ``put`` and ``remove`` look, act where something differs, and look again; cut short anywhere, they can be called
    again. What was not made by us is not touched: that is known by marks at the edge itself.

    Raises ServiceUnavailable (nothing is known to be wrong; the same may work later) and EdgeRefused (a permission or
    something else is missing, and the message says what).
    """

    @property
    def kind(self) -> str:
        """The name of the edge in answers of the API."""
        ...

    @property
    def address_headers(self) -> tuple[str, ...]:
        """Headers in which the edge says where a visitor comes from, the best first."""
        ...

    def explain(self, hostname: str, answer: PublicAnswer) -> Cause | None:
        """Return why the edge gave this answer instead of the app, and what to do; None if it is not the edge's."""
        ...

    async def put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeState:
        """Have it as wanted; hostnames that others hold are problems in the answer, and no error."""
        ...

    async def rules_in_force(self) -> int | None:
        """The version of the rules that the tunnel's program here runs with; None where it does not say. Never raises.

        After ``put`` it takes a moment until it equals ``EdgeState.version``.
        """
        ...

    async def remove(self, wanted: EdgeWanted, link: EdgeLink) -> None:
        """Take away everything that was made; ``wanted`` is what was put last."""
        ...


class TunnelProcess(Protocol):
    """The program on this machine that the edge's requests come through. Raises RuntimeUnavailable."""

    async def ensure_running(self, run_token: Secret) -> str:
        """It runs with this token, now and after a reboot; one that does so already is left alone.

        Returns words about it, for people: where it runs, or how to run it where that is theirs to do.
        """
        ...

    async def stop(self) -> None:
        """It does not run, and its token is gone from this machine."""
        ...
