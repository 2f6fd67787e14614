"""What leads visitors from the internet to this server."""

from typing import Protocol

from pvdify.model.edge import EdgeLink, EdgeState, EdgeWanted
from pvdify.model.instance import Secret


class Edge(Protocol):
    """An account at somebody who runs the edge.

    Both methods look, act where something differs, and look again; cut short anywhere, they can be called again. What
    was not made by us is not touched: that is known by marks at the edge itself.

    Raises ServiceUnavailable (nothing is known to be wrong; the same may work later) and EdgeRefused (a permission or
    something else is missing, and the message says what).
    """

    async def put(self, wanted: EdgeWanted, link: EdgeLink) -> EdgeState:
        """Have it as wanted; hostnames that somebody else holds are problems in the answer, and no error."""
        ...

    async def rules_in_force(self) -> int | None:
        """The version of the rules that the tunnel's program here runs with; None where it does not say. Never raises.

        After ``put`` it takes a moment until it is the one that ``EdgeState.version`` tells.
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
