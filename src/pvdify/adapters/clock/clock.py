"""The ``clock`` port on the machine's clock and the event loop."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """The system's real-time and monotonic clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
