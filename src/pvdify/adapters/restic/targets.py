"""The ``backups`` port, implemented with the restic program on this host."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pvdify.adapters.restic import commands
from pvdify.adapters.restic.commands import KNOWN_HOSTS, LABEL, SSH_KEY
from pvdify.adapters.restic.refusals import is_locked, refusal
from pvdify.errors import BackupDamaged, BackupTargetUnavailable, PvdifyError, RuntimeUnavailable, naming_cause
from pvdify.model.instance import Secret
from pvdify.plumbing.command_runner import Argv, CommandRunner, Completed, Piped
from pvdify.ports.backups import BackupTarget, FoundItem, StoredItem

ASK_SECONDS = 60.0  # the longest a command that moves no data may take
MOVE_SECONDS = 12 * 3600.0  # the longest a command that moves data may take


class ResticTargets:
    """restic repositories.

    Args:
        runner: starts restic.
        cache: restic's cache directory, which spares reading the target; its content is encrypted.
        run_dir: on a file system in memory; contains an SSH key while restic runs.
        binary: the restic command.
    """

    def __init__(self, *, runner: CommandRunner, cache: Path, run_dir: Path, binary: str = "restic") -> None:
        self._runner = runner
        self._cache = cache
        self._run_dir = run_dir
        self._restic = binary

    async def open(self, target: BackupTarget, *, may_create: bool) -> str:
        try:
            return await self._id(target)
        except BackupTargetUnavailable:
            if not may_create:
                raise
        async with self._options(target) as options:
            done = await self._run(target, commands.create(self._restic, options), ASK_SECONDS)
        if done.exit_code != 0 and "already exists" not in done.stderr:
            raise refusal(done, target, f"no backups can be kept at {target.location}")
        return await self._id(target)

    async def learn(self, target: BackupTarget) -> Mapping[str, Secret]:
        """Return the target's keys; for a target over SSH with the host key that was met at the first connection."""
        if not target.location.startswith(commands.SFTP) or KNOWN_HOSTS in target.keys:
            return target.keys
        async with self._options(target) as options:
            done = await self._run(target, commands.describe(self._restic, options), ASK_SECONDS)
            if done.exit_code != 0:
                raise refusal(done, target, f"{target.location} was not reached")
            text = _text(_known_hosts_of(options))
        return {**target.keys, KNOWN_HOSTS: Secret(text)} if text else target.keys

    async def store(self, target: BackupTarget, directory: Path, labels: Mapping[str, str]) -> StoredItem:
        names = await asyncio.to_thread(_names, directory)
        async with self._options(target) as options:
            argv = commands.store(self._restic, (*options, f"--cache-dir={self._cache}"), labels, names)
            done = await self._run(target, argv, MOVE_SECONDS, directory)
            if done.exit_code != 0 and is_locked(done):
                # A process that was killed, as in a power loss, leaves its lock; `unlock` removes no other locks.
                await self._run(target, commands.unlock(self._restic, options), ASK_SECONDS)
                done = await self._run(target, argv, MOVE_SECONDS, directory)
        if done.exit_code != 0:
            raise refusal(done, target, "the backup was not stored")
        summary = _summary(done, target)
        return StoredItem(snapshot=str(summary["snapshot_id"]), added=int(summary.get("data_added", 0)))

    async def store_stream(
        self, target: BackupTarget, pieces: AsyncIterator[bytes], labels: Mapping[str, str]
    ) -> StoredItem:  # fmt: skip
        """See the port. If ``pieces`` raises, restic is killed: at the end of its input it would store a cut dump."""
        async with self._options(target) as options:
            argv = commands.store_stream(self._restic, (*options, f"--cache-dir={self._cache}"), labels)
            async with self._pipe(target, argv) as process:
                async for piece in pieces:
                    if not await process.write(piece):
                        break
                await process.close_input()
                said = b"".join([piece async for piece in process.output()])
                done = await process.wait()
        done = replace(done, stdout=said.decode(errors="replace"))
        if done.exit_code != 0:
            raise refusal(done, target, "the backup was not stored")
        summary = _summary(done, target)
        return StoredItem(snapshot=str(summary["snapshot_id"]), added=int(summary.get("data_added", 0)))

    async def list(self, target: BackupTarget) -> tuple[FoundItem, ...]:
        async with self._options(target) as options:
            done = await self._run(target, commands.list_stored(self._restic, (*options, "--no-cache")), ASK_SECONDS)
        if done.exit_code != 0:
            raise refusal(done, target, "the backups could not be listed")
        return tuple(sorted((_found(entry) for entry in _parsed(done, target) or []), key=lambda it: it.at))

    async def fetch(self, target: BackupTarget, snapshot: str, into: Path) -> None:
        """See the port. Reads without the cache, so that the restore proves the content of the target itself."""
        async with self._options(target) as options:
            argv = commands.fetch(self._restic, (*options, "--no-cache"), snapshot, into)
            done = await self._run(target, argv, MOVE_SECONDS)
        if done.exit_code != 0:
            raise _as_damage(refusal(done, target, "the backup could not be read back"))

    async def fetch_stream(self, target: BackupTarget, snapshot: str) -> AsyncGenerator[bytes, None]:
        """See the port. Reads without the cache, as ``fetch`` does."""
        async with self._options(target) as options:
            argv = commands.fetch_stream(self._restic, (*options, "--no-cache"), snapshot)
            async with self._pipe(target, argv) as process:
                await process.close_input()
                async for piece in process.output():
                    yield piece
                done = await process.wait()
        if done.exit_code != 0:
            raise _as_damage(refusal(done, target, "the backup could not be read back"))

    async def forget(self, target: BackupTarget, snapshots: tuple[str, ...]) -> None:
        """See the port. First removes the lock of a process that was killed."""
        async with self._options(target) as options:
            await self._run(target, commands.unlock(self._restic, options), ASK_SECONDS)
            argv = commands.forget(self._restic, (*options, f"--cache-dir={self._cache}"), snapshots)
            done = await self._run(target, argv, MOVE_SECONDS)
        if done.exit_code != 0:
            raise refusal(done, target, "older backups were not deleted")

    async def size(self, target: BackupTarget) -> int:
        async with self._options(target) as options:
            argv = commands.count_bytes(self._restic, (*options, f"--cache-dir={self._cache}"))
            done = await self._run(target, argv, ASK_SECONDS)
        if done.exit_code != 0:
            raise refusal(done, target, "the backups could not be counted")
        return int(_parsed(done, target)["total_size"])

    async def _id(self, target: BackupTarget) -> str:
        async with self._options(target) as options:
            argv = commands.describe(self._restic, (*options, "--no-cache"))
            done = await self._run(target, argv, ASK_SECONDS)
        if done.exit_code != 0:
            raise refusal(done, target, f"{target.location} could not be opened")
        return str(_parsed(done, target)["id"])

    async def _run(
        self, target: BackupTarget, argv: Argv, seconds: float, directory: Path | None = None
    ) -> Completed:  # fmt: skip
        return await self._runner.run(
            argv, environment=self._environment(target), directory=directory, timeout=seconds
        )  # fmt: skip

    def _pipe(self, target: BackupTarget, argv: Argv) -> AbstractAsyncContextManager[Piped]:
        return self._runner.pipe(argv, environment=self._environment(target))

    def _environment(self, target: BackupTarget) -> dict[str, str]:
        return {**commands.environment(target), "RESTIC_PROGRESS_FPS": "0", "HOME": str(self._cache)}

    @asynccontextmanager
    async def _options(self, target: BackupTarget) -> AsyncIterator[Argv]:
        """Yield further options for restic. For SFTP they name two temporary files, removed on exit."""
        if not target.location.startswith(commands.SFTP):
            yield ()
            return
        with self._writing_files(target):
            self._run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="backup-", dir=self._run_dir))
        try:
            with self._writing_files(target):
                key = _write_secret(folder / "key", target.keys.get(SSH_KEY))
                _write_secret(folder / "known_hosts", target.keys.get(KNOWN_HOSTS))
            yield commands.sftp_options(target.location, key, folder / "known_hosts")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _writing_files(self, target: BackupTarget) -> AbstractContextManager[None]:
        return naming_cause(
            RuntimeUnavailable,
            f"{target.location} cannot be reached: the key for it cannot be written to {self._run_dir}",
            next="check /run on the server (`df /run`), then `pvdify backups:run`",
        )


def _write_secret(file: Path, secret: Secret | None) -> Path | None:
    if secret is None:
        return None
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(str(secret).rstrip("\n") + "\n")
    return file


def _known_hosts_of(options: Argv) -> Path:
    word = next(each for each in options[-1].split() if each.startswith("UserKnownHostsFile="))
    return Path(word.partition("=")[2].strip("'"))


def _names(directory: Path) -> tuple[str, ...]:
    return tuple(sorted(entry.name for entry in directory.iterdir()))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""


def _found(entry: dict[str, Any]) -> FoundItem:
    labels = dict(tag.partition(LABEL)[::2] for tag in entry.get("tags") or ())
    return FoundItem(snapshot=entry["short_id"], at=_moment(entry["time"]), labels=labels)


def _moment(text: str) -> datetime:
    """Parse a time from restic. restic writes nanoseconds; Python 3.11 cuts them to microseconds."""
    return datetime.fromisoformat(text)


def _summary(done: Completed, target: BackupTarget) -> dict[str, Any]:
    for line in reversed(done.stdout.splitlines()):
        if '"summary"' in line:
            summary: dict[str, Any] = json.loads(line)
            return summary
    raise refusal(done, target, "the backup was not stored")


def _parsed(done: Completed, target: BackupTarget) -> Any:
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise refusal(done, target, f"{target.location} gave no answer that can be read") from error


def _as_damage(error: PvdifyError) -> PvdifyError:
    """Return the error as BackupDamaged if restic could open the target but not read the backup."""
    if not isinstance(error, BackupTargetUnavailable) or "config file" in error.why:
        return error
    return BackupDamaged(error.what, why=error.why, next="`pvdify backups:run` makes a new backup")
