"""The output of job runs in memory."""

from collections.abc import Sequence

from pvdify.model.instance import LogLine


class FakeJobLog:
    """Share one object between a daemon and its successor, as they share a disk."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str, int], list[LogLine]] = {}

    async def append(self, app: str, job: str, number: int, lines: Sequence[LogLine]) -> None:
        self.lines.setdefault((app, job, number), []).extend(lines)

    async def read(self, app: str, job: str, number: int, *, skip: int = 0) -> tuple[LogLine, ...]:
        return tuple(self.lines.get((app, job, number), ())[skip:])

    async def forget(self, app: str, job: str, number: int) -> None:
        for key in [key for key in self.lines if key[:2] == (app, job) and key[2] <= number]:
            del self.lines[key]
