"""Signals of a container engine in memory, as a test wants them: on, off, or lost."""

import asyncio


class FakeContainerChanges:
    """Implements ``ports.container_changes.ContainerChanges``.

    The fake supervisor signals what happens behind pvdifyd's back. ``is_deaf``: reports get lost.
    """

    def __init__(self) -> None:
        self.is_reporting = False
        self.is_deaf = False
        self._happened = asyncio.Event()
        self._may_begin = asyncio.Event()
        self._may_begin.set()

    def note(self) -> None:
        """Another program made or removed a container."""
        if not self.is_deaf:
            self._happened.set()

    def stop(self) -> None:
        """Nothing is reported from now on, until ``resume``."""
        self.is_reporting = False
        self._may_begin.clear()
        self._happened.set()

    def resume(self) -> None:
        """Changes can be reported again."""
        self._may_begin.set()

    async def wait(self) -> None:
        if not self.is_reporting:
            await self._may_begin.wait()
            self.is_reporting = True
            return
        await self._happened.wait()
        self._happened.clear()
