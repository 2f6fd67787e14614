"""Telling one notice to one subscriber."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery


class Outlet(Protocol):
    """One way to deliver notices."""

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        """Try once, within about ten seconds. Raises nothing: how it ended is the answer.

        Args:
            delivery: what to deliver; ``delivery.attempts`` counts the tries before.
            keys: where to, and whatever opens the door there, as it was given when the subscription was made.
        """
        ...
