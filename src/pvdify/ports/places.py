"""Places: the endpoints of instances, chosen and reserved before anything starts."""

from collections.abc import Sequence
from typing import Protocol

from pvdify.model.endpoint import Endpoint


class Places(Protocol):
    """Where the router will reach the instances of this runtime."""

    async def reserve(self, asker: str, names: Sequence[str], taken: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
        """Return one endpoint for each of these instances, in their order.

        ``asker`` is the release that needs them, as an error names it: "shop v3". ``taken``: all endpoints on record,
        those given out last at the end; none of them is given out again. The caller holds a lock until it has recorded
        the endpoints, and starts nothing before. They are in ``taken`` from then on until their instances are gone.

        Raises NoFreePort if there are not enough.
        """
        ...
