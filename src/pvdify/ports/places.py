"""Reservation of endpoints for instances, before the instances start."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.endpoint import Endpoint


class Places(Protocol):
    """The endpoints at which the router reaches the instances of this runtime."""

    async def reserve(
        self, asker: str, names: Sequence[str], taken: Sequence[Endpoint], runtime: str = ""
    ) -> tuple[Endpoint, ...]:  # fmt: skip
        """Return one endpoint for each of these instances, in the same order.

        ``asker``: the release that needs them, as errors name it: "shop v3". ``taken``: all endpoints on record, the
        newest last; none of them is returned. ``runtime``: that of the instances; "" for the server's. The caller holds
        a lock until it has recorded the endpoints, and starts no instance before. From then on they are in ``taken``
        until their instances are removed.

        Raises NoFreePort if there are not enough.
        """
        ...
