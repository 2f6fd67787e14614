"""Files moved one after another, all of them or none."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Moves:
    """Moves within one file system. Where one of them fails, or what follows in the block, all are taken back."""

    def __init__(self) -> None:
        self._done: list[tuple[Path, Path]] = []

    def __enter__(self) -> "Moves":
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        for source, target in reversed(self._done if kind else []):
            with suppress(OSError):
                target.rename(source)

    def move(self, source: Path, target: Path) -> None:
        """Raises OSError."""
        source.rename(target)
        self._done.append((source, target))
