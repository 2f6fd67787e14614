"""The unit files of one server's instances, in systemd's directory for what does not outlive a boot."""

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
    """Several servers share the directory; whose a unit is, it says itself.

    Args:
        server_id: this server.
        run_dir: where the keeper script goes.
        directory: where systemd looks.
        database: units of instances that were made with another one are not seen.
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
        """What the unit of this instance is called, without ``.service``: like it, unless that is another server's."""
        text = _read(self._directory / f"{name}{SUFFIX}")
        mark = unit.read_mark(text) if text else None
        is_ours = not text or (mark is not None and self._is_ours(mark))
        return name if is_ours else self.own_stem_of(name)

    def own_stem_of(self, name: str) -> str:
        """A name that no other server gives."""
        return f"{name}.{self.database.id if self.database.is_apart else self._server}"

    def names_of(self, name: str) -> tuple[str, ...]:
        """Every unit that may run this instance: it had the other name while that one was taken."""
        return tuple(f"{stem}{SUFFIX}" for stem in dict.fromkeys((self.stem_of(name), self.own_stem_of(name))))

    async def write(self, stem: str, text: str) -> bool:
        """Write the unit and the keeper, unless they are there; whether systemd has to read a changed unit again."""
        return await asyncio.to_thread(self._write, stem, text)

    async def remove(self, names: Sequence[str]) -> None:
        """The files of these units are gone."""
        for name in names:
            await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def marks(self) -> dict[str, Mark]:
        """Unit name (with ``.service``) -> what it says of itself, of every unit of this server."""
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
    """Whether it was written. Raises OSError."""
    if _read(path) == text:
        return False
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # several may write the same
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
