"""Proves a backup: restores all items into scratch directories, and compares the result with the stored counts.

Dumps of services are restored into scratch services.
"""

from dataclasses import replace

from pvdify.engine.state.backups.dumps import Dumps
from pvdify.engine.state.backups.tools import BackupTools, Work
from pvdify.errors import BackupFailed, PvdifyError
from pvdify.model.backup import Backup, BackupItem, BackupPlan, ItemKind, differences, shrinking
from pvdify.ports.backups import BackupTarget
from pvdify.ports.clock import Clock
from pvdify.ports.store import Store


class Proof:
    """Proves backups, as drills do."""

    def __init__(self, *, clock: Clock, dumps: Dumps, store: Store, tools: BackupTools) -> None:
        self._clock, self._dumps, self._store, self._tools = clock, dumps, store, tools

    async def check_target(self, target: BackupTarget, plan: BackupPlan) -> None:
        """Check that the target has this server's repository.

        Raises BackupTargetUnavailable, BackupTargetRefused, BackupFailed.
        """
        found = await self._tools.targets.open(target, may_create=False)
        if found != plan.repository:
            raise BackupFailed(
                f"{plan.location} does not have the backups of this server",
                why=f"another repository is there: {found[:8]} instead of {plan.repository[:8]}",
                next=f"find out what happened at {plan.location}; `pvdify backups:target` starts again there",
            )

    async def prove(self, work: Work, backup: Backup, *, accepts_smaller: bool) -> Backup:
        """Prove the backup; return it with the time of the proof, or with all problems. Raises UnavailableError."""
        there = frozenset(it.snapshot for it in await self._tools.targets.list(work.target))
        proven = [it for it in await self._store.backups() if it.proven_at and it.id != backup.id]
        problems: list[str] = []
        for item in backup.items:
            found = await self._problems(work, item, there, proven, accepts_smaller=accepts_smaller)
            problems += [f"{item.title}: {problem}" for problem in found]
            await work.notes.say(f"{item.title}: {'; '.join(found) or 'restored, and equal'}")
        if not any(item.kind is ItemKind.SERVER for item in backup.items):
            problems.append("the server's own data: it is not in the backup")
        now = self._clock.now()
        proven_at = now if not problems else None
        return replace(backup, drilled_at=now, proven_at=proven_at, proof=tuple(problems))

    async def _problems(
        self, work: Work, item: BackupItem, there: frozenset[str], proven: list[Backup], *, accepts_smaller: bool
    ) -> list[str]:
        if not item.snapshot:
            return [item.problem or "it was not stored"]
        if item.snapshot not in there:
            return ["it is no longer at the target"]
        try:
            return await self._restored(work, item, proven, accepts_smaller=accepts_smaller)
        except PvdifyError as error:
            return [f"{error.what}: {error.why}" if error.why else error.what]
        finally:
            await self._tools.files.end(_folder(item))

    async def _restored(
        self, work: Work, item: BackupItem, proven: list[Backup], *, accepts_smaller: bool
    ) -> list[str]:
        """Restore the item into a scratch place, and return the problems found there."""
        if item.kind is ItemKind.SERVICE:
            found = await self._dumps.prove(work, item)
            return self._compared(item, found, proven, accepts_smaller=accepts_smaller)
        files = self._tools.files
        directory = await files.begin(_folder(item))
        await self._tools.targets.fetch(work.target, item.snapshot, directory)
        counted = await files.count(directory)
        found = replace(item, counts=counted.counts)
        problems = [*counted.damage, *self._compared(item, found, proven, accepts_smaller=accepts_smaller)]
        if item.kind is ItemKind.SERVER:
            problems += await files.check_server(directory)
        return list(dict.fromkeys(problems))

    def _compared(
        self, item: BackupItem, found: BackupItem, proven: list[Backup], *, accepts_smaller: bool
    ) -> list[str]:  # fmt: skip
        """Return how the restored item differs from the stored counts, and whether it shrank since earlier backups."""
        problems = []
        if item.counts is not None and found.counts is not None and (it := differences(item.counts, found.counts)):
            problems.append(f"not all of it was restored: {it}")
        if item.kind is not ItemKind.SERVER and not accepts_smaller and (less := shrinking(found, proven)):
            problems.append(f"{less}; if that is as it should be: `pvdify backups:verify --accept-smaller`")
        return problems


def _folder(item: BackupItem) -> str:
    return f"drill-{item.id or item.name}"
