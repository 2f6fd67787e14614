"""The unit files of one server's instances, in systemd's directory for units that do not survive a reboot."""

import asyncio
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from pvdify.adapters.systemd import unit
from pvdify.adapters.systemd.unit import Mark
from pvdify.model.database import UNNAMED, DatabaseIdentity

DIRECTORY = Path("/run/systemd/system")
KEEPER = "keeper.sh"
PREFIX, SUFFIX = "pvdify-", ".service"


class Units:
    """The unit files of one server. Several servers can share the directory; each unit names its server.

    Args:
        server_id: this server's id.
        run_dir: the directory for the keeper script.
        directory: systemd's directory for units.
        database: the present database; units made with another database are ignored.
    """

    def __init__(
        self, *, server_id: str, run_dir: Path, directory: Path = DIRECTORY,
        database: DatabaseIdentity = UNNAMED,
    ) -> None:  # fmt: skip
        self._server = server_id
        self.database = database
        self._directory = directory
        self.keeper = run_dir / KEEPER

    def stem_of(self, name: str) -> str:
        """Return the unit's name without ``.service``: the instance's name, unless another server's unit has it."""
        text = _read(self._directory / f"{name}{SUFFIX}")
        mark = unit.read_mark(text) if text else None
        is_ours = not text or (mark is not None and self._is_ours(mark))
        return name if is_ours else self.own_stem_of(name)

    def own_stem_of(self, name: str) -> str:
        """Return a name that no other server uses."""
        return f"{name}.{self.database.id if self.database.is_apart else self._server}"

    def names_of(self, name: str) -> tuple[str, ...]:
        """Return every unit that may run this instance: the name that is free now may have been taken at the start."""
        return tuple(f"{stem}{SUFFIX}" for stem in dict.fromkeys((self.stem_of(name), self.own_stem_of(name))))

    def has(self, name: str) -> bool:
        """Return whether this instance has a unit of this server."""
        marks = (unit.read_mark(_read(self._directory / each)) for each in self.names_of(name))
        return any(mark is not None and self._is_ours(mark) and mark.name == name for mark in marks)

    async def write(self, stem: str, text: str) -> bool:
        """Write the unit and the keeper if they differ; return whether an existing unit changed and needs a reload."""
        return await asyncio.to_thread(self._write, stem, text)

    async def remove(self, names: Sequence[str]) -> None:
        """Delete the files of these units; ignore missing ones."""
        for name in names:
            await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def marks(self) -> dict[str, Mark]:
        """Return the identity of every unit of this server, by unit name (with ``.service``)."""
        return dict(await asyncio.to_thread(lambda: list(self._marks())))

    def _marks(self) -> Iterator[tuple[str, Mark]]:
        for path in sorted(self._directory.glob(f"{PREFIX}*{SUFFIX}")):
            mark = unit.read_mark(_read(path))
            if mark is not None and self._is_ours(mark):
                yield path.name, mark

    def _is_ours(self, mark: Mark) -> bool:
        return mark.server == self._server and self.database.owns(mark.database)

    def _write(self, stem: str, text: str) -> bool:
        _write_unless_same(self.keeper, (files(__package__) / KEEPER).read_text(encoding="utf-8"))
        path = self._directory / f"{stem}{SUFFIX}"
        is_known = path.exists()
        return _write_unless_same(path, text) and is_known


def _write_unless_same(path: Path, text: str) -> bool:
    """Replace the file atomically if its text differs; return whether it was written. Raises OSError."""
    if _read(path) == text:
        return False
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    # A unique name, since several writers may write the same file at once.
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        with suppress(OSError):
            Path(temporary).unlink()
        raise
    return True


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8")
    return ""
