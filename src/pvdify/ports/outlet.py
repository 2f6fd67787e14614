"""Delivery of a notice to a subscriber."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery


class Outlet(Protocol):
    """One kind of destination for notices."""

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        """Try once to deliver, within about ten seconds. Never raises; the result says how the attempt ended.

        Args:
            delivery: what to deliver. ``delivery.attempts`` counts the earlier attempts that were recorded; pvdifyd may
                have been killed during another one.
            keys: the destination and its credentials, as given when the subscription was made.
        """
        ...
