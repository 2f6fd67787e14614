"""Runtimes to choose from, in memory."""


class FakeRuntimeOptions:
    """``missing``: why instances cannot run on a runtime, by its name."""

    names = ("podman", "systemd")

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}

    async def obstacle(self, name: str) -> str:
        return self.missing.get(name, "")
