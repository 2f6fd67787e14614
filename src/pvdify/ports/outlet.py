"""Telling one notice to one subscriber."""

from collections.abc import Mapping
from typing import Protocol

from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery


class Outlet(Protocol):
    """One form of telling."""

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        """Try once, within about ten seconds. Raises nothing: how it ended is the answer.

        Args:
            delivery: what to tell; ``delivery.attempts`` says how often that was tried before.
            keys: where to, and whatever opens the door there, as it was given when the subscription was made.
        """
        ...
