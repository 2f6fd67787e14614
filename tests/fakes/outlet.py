"""An outlet that records deliveries, with scripted failures."""

from collections import deque
from collections.abc import Mapping

from pvdify.model.instance import Secret
from pvdify.model.notice import Attempt, Delivery


class FakeOutlet:
    """Delivers, unless ``attempts`` says otherwise for the next tries; ``is_away`` fails all of them."""

    def __init__(self) -> None:
        self.attempts: deque[Attempt | Exception] = deque()
        self.is_away = False
        self.tried: list[Delivery] = []
        self.keys: list[dict[str, Secret]] = []
        self.delivered: list[Delivery] = []

    async def send(self, delivery: Delivery, keys: Mapping[str, Secret]) -> Attempt:
        self.tried.append(delivery)
        self.keys.append(dict(keys))
        planned = self.attempts.popleft() if self.attempts else None
        if isinstance(planned, Exception):
            raise planned
        if self.is_away:
            planned = Attempt(is_delivered=False, text="connection refused")
        if planned is None:
            self.delivered.append(delivery)
        return planned or Attempt(is_delivered=True, status=200)
