"""Stored dumps of services: the output of the kind's dump command, and a seal that describes it.

The seal is the last line. In SQL it is a comment, and Redis stops reading at the end of its own data, so a stored dump
can also be restored by hand, without pvdify.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.errors import BackupDamaged

MARK = b"\n-- pvdify-dump "
LONGEST = 1024 * 1024  # bytes of a seal; if the tables do not fit, the seal has only their sum
ALL = "all"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Seal:
    """The description of a dump. ``version``: the program's major version; ``tally``: rows of each table, or keys."""

    kind: str
    version: str
    bytes: int
    sha256: str
    tally: Mapping[str, int]

    @property
    def rows(self) -> int:
        """The rows of all tables, or keys."""
        return sum(self.tally.values())


class Sealing:
    """Counts and hashes the bytes of a dump for its seal."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._bytes = 0

    def add(self, piece: bytes) -> bytes:
        """Count a piece, and return it."""
        self._hash.update(piece)
        self._bytes += len(piece)
        return piece

    def seal(self, kind: str, version: str, tally: Mapping[str, int]) -> Seal:
        """Return the seal of the counted bytes."""
        return Seal(kind=kind, version=version, bytes=self._bytes, sha256=self._hash.hexdigest(), tally=tally)


class Unsealing:
    """Splits a stored dump from its seal, and verifies that it is complete."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._sealing = Sealing()

    def add(self, piece: bytes) -> bytes:
        """Add a piece; return the part of the dump that is certainly not the seal."""
        self._held += piece
        sure = bytes(self._held[:-LONGEST])
        del self._held[: len(sure)]
        return self._sealing.add(sure)

    def end(self) -> tuple[bytes, Seal]:
        """Return the last bytes and the seal. Raises BackupDamaged unless the dump is as it was stored."""
        rest, mark, text = bytes(self._held).rpartition(MARK)
        if not mark or not text.endswith(b"\n"):
            raise _damaged("its end is missing")
        self._sealing.add(rest)
        found = read_seal(text)
        counted = self._sealing.seal(found.kind, found.version, found.tally)
        if counted != found:
            raise _damaged(f"it has {counted.bytes} bytes, not the {found.bytes} that were stored")
        return rest, found


def write_seal(seal: Seal) -> bytes:
    """Return the last line of a stored dump."""
    tally = dict(seal.tally)
    while True:
        content = {"format": _FORMAT, "kind": seal.kind, "version": seal.version, "bytes": seal.bytes,
                   "sha256": seal.sha256, "tally": tally}  # fmt: skip
        line = MARK + json.dumps(content).encode() + b"\n"
        if len(line) <= LONGEST or list(tally) == [ALL]:
            return line
        tally = {ALL: seal.rows}


def read_seal(text: bytes) -> Seal:
    """Parse a seal. Raises BackupDamaged."""
    try:
        found = json.loads(text)
        return Seal(
            kind=str(found["kind"]), version=str(found["version"]), bytes=int(found["bytes"]),
            sha256=str(found["sha256"]), tally={str(name): int(rows) for name, rows in found["tally"].items()},
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged("its last line cannot be read") from error


def read_tally(text: str, *, mark: str = "") -> dict[str, int]:
    """Parse the lines ``NAME|NUMBER`` of a text, and skip all others."""
    tally = {}
    for line in text.splitlines():
        name, bar, number = line.removeprefix(mark).rpartition("|")
        if bar and line.startswith(mark) and number.isdecimal():
            tally[name] = int(number)
    return tally


def shortfall(seal: Seal, found: Mapping[str, int]) -> str:
    """Return what a restored service lacks of its dump; "" if nothing."""
    if list(seal.tally) == [ALL]:
        rows = sum(found.values())
        return "" if rows >= seal.rows else f"{rows} rows instead of {seal.rows}"
    missing = [name for name, rows in seal.tally.items() if rows and name not in found]
    differs = [name for name, rows in seal.tally.items() if name in found and found[name] != rows]
    texts = [f"{name} is missing" for name in missing]
    texts += [f"{name} has {found[name]} instead of {seal.tally[name]}" for name in differs]
    more = f", and {len(texts) - 3} more" if len(texts) > 3 else ""
    return f"{', '.join(texts[:3])}{more}"


def _damaged(why: str) -> BackupDamaged:
    return BackupDamaged(
        "the dump of the service cannot be restored", why=why, next="`pvdify backups:run` makes a new backup"
    )
