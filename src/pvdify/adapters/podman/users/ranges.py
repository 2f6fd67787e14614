"""The users of this host that the containers of each app are: one block of ids for each app, recorded in a file."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import structlog

from pvdify.errors import RuntimeUnavailable, naming_cause

log = structlog.get_logger()
FILE = "user-ids.json"
WriteWhole = Callable[[Path, bytes], None]


@dataclass(frozen=True, kw_only=True)
class UserBlocks:
    """Where the blocks are.

    Args:
        file: the file; it need not exist.
        blocks: the first id of each block.
        write_whole: replaces a file.
    """

    file: Path
    blocks: range
    write_whole: WriteWhole


class UserRanges:
    """The block of each app and each service, in a file ``{app: first id}``.

    An app keeps its block. When none is free, the blocks of apps without containers are given to others: nothing on a
    disk refers to a block, because volumes are mounted with the owners that the container's own users have.

    Args:
        of: the file and the blocks.
        apps_with_containers: returns the apps that have containers now, for when no block is free.
    """

    def __init__(self, of: UserBlocks, apps_with_containers: Callable[[], Awaitable[Collection[str]]]) -> None:
        self._file = of.file
        self._blocks = of.blocks
        self._write_whole = of.write_whole
        self._apps_with_containers = apps_with_containers
        self._known: dict[str, int] | None = None
        self._lock = asyncio.Lock()

    async def first_of(self, app: str) -> int:
        """Return the first id of the app's block; give it one if it has none. Raises RuntimeUnavailable."""
        async with self._lock:
            if self._known is None:
                self._known = await asyncio.to_thread(self._read)
            if app not in self._known:
                with naming_cause(
                    RuntimeUnavailable,
                    f"the users of {app} could not be recorded",
                    next="check the disk of the server's data directory; running apps keep running",
                ):
                    self._known = await self._with(app, self._known)
            return self._known[app]

    async def _with(self, app: str, known: dict[str, int]) -> dict[str, int]:
        """Return the blocks with one for this app, after writing them to the file. Raises OSError."""
        free = self._first_free(known)
        if free is None:
            used = await self._apps_with_containers()
            known = {each: first for each, first in known.items() if each in used}
            free = self._first_free(known)
        if free is None:
            raise RuntimeUnavailable(
                f"{app} has no user namespace",
                why=f"each of the {len(self._blocks)} blocks of the setting user_ids belongs to an app with containers",
                next="set user_ids to a larger range, and restart pvdifyd; running apps keep running",
            )
        changed = {**known, app: free}
        text = json.dumps(changed, indent=1, sort_keys=True)
        await asyncio.to_thread(self._write_whole, self._file, text.encode())
        return changed

    def _first_free(self, known: dict[str, int]) -> int | None:
        taken = set(known.values())
        return next((first for first in self._blocks if first not in taken), None)

    def _read(self) -> dict[str, int]:
        """Return the recorded blocks that are in the range of the setting; none if the file is damaged."""
        try:
            said = json.loads(self._file.read_text(encoding="utf-8"))
            return {str(app): int(first) for app, first in said.items() if int(first) in self._blocks}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning(
                "user_ids.damaged", file=str(self._file), why=str(error),
                next="nothing to do: apps get other blocks with their next containers",
            )  # fmt: skip
            return {}
