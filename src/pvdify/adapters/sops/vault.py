"""Reading, writing and re-encrypting the files that are encrypted for the server's key and its recipients."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from pvdify.adapters.sops import age_keys, document, flat
from pvdify.adapters.sops.document import Opened
from pvdify.adapters.sops.key_files import KeyFiles
from pvdify.adapters.sops.refusal import NotARecipient, SopsRefused
from pvdify.errors import InvalidRecipient, SecretsLocked, StoreUnavailable, storage_error
from pvdify.ports.clock import Clock
from pvdify.ports.secrets import Recipient, Reencrypted

SERVER = "pvdify"
ENDING = ".sops.yaml"


class Vault:
    """The server's SOPS files. Writers run one at a time; readers never wait, not even for a rotation."""

    def __init__(self, directories: tuple[Path, ...], keys: KeyFiles, clock: Clock) -> None:
        self.keys = keys
        self._directories = directories
        self._clock = clock
        self._writing = asyncio.Lock()

    async def write(self, file: Path, values: Mapping[str, str]) -> None:
        """Encrypt the values and replace the file. Raises StoreUnavailable, SecretsLocked."""
        async with self._writing:
            try:
                await asyncio.to_thread(self.seal, file, values)
            except OSError as error:
                raise unavailable(f"{file} cannot be written", error) from error

    async def read(self, file: Path) -> dict[str, str]:
        """Decrypt the file. Raises FileNotFoundError, StoreUnavailable, SecretsLocked."""
        try:
            return await asyncio.to_thread(self._open_twice, file)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unavailable(f"{file} cannot be read", error) from error
        except SopsRefused as error:
            raise StoreUnavailable(
                f"{file} is not as it was written", why=str(error),
                next="restore it from a backup; nothing was changed, and running apps keep running",
            ) from error  # fmt: skip

    async def move(self, old: Path, new: Path) -> None:
        """Move every file of one directory into another, replacing files of the same name. Raises OSError."""
        async with self._writing:  # a write in progress would put its file into the old directory
            await asyncio.to_thread(_move, old, new)

    async def rotate(self) -> Reencrypted:
        """See the port ``secrets``."""
        async with self._writing:
            return await asyncio.to_thread(self._rotate)

    async def set_recipients(self, others: tuple[Recipient, ...]) -> Reencrypted:
        """See the port ``secrets``."""
        async with self._writing:
            return await asyncio.to_thread(self._set_recipients, others)

    def recipients(self) -> tuple[Recipient, ...]:
        """Return the recipients that files are encrypted for, the server first. Raises SecretsLocked."""
        (own, *_) = self.keys.identities()
        if own.recipient is None:
            raise SecretsLocked(
                f"{self.keys.key} holds an SSH key", why="files are encrypted for the age key of the server",
                next=f"put an age key there, as `age-keygen -o {self.keys.key}` makes one",
            )  # fmt: skip
        return (Recipient(name=SERVER, key=own.recipient), *self.keys.others())

    def make_key_if_none_was_needed(self) -> None:
        """Make a key unless there is one, or encrypted files exist, which need their own key. Raises OSError."""
        if not self.keys.key.exists() and not self._files():
            self.keys.write_identities((age_keys.make_identity(),))

    def seal(self, file: Path, values: Mapping[str, str]) -> None:
        """Encrypt the values and replace the file, without the lock: callers must be the only writer.

        Raises OSError, SecretsLocked.
        """
        recipients = [recipient.key for recipient in self.recipients()]
        self.keys.write_whole(file, document.seal_text(values, recipients, self._clock.now()).encode())

    def texts(self, file: Path) -> dict[str, str]:
        """Decrypt the file. Raises OSError, SopsRefused, SecretsLocked."""
        return flat.texts_of(self._open(file))

    def reencrypt(self, *, is_whole: bool = False) -> Reencrypted:
        """Encrypt every file for the present recipients, each with a new data key.

        Skips files that name these recipients already, unless ``is_whole``. Raises OSError, and SecretsLocked with the
        files that cannot be opened; by then all other files are encrypted.
        """
        recipients, files = self.recipients(), self._files()
        wanted = [recipient.key for recipient in recipients]
        failed = []
        for file in files:
            try:
                if is_whole or document.recipients_of(_text(file)) != wanted:
                    self.seal(file, self.texts(file))
            except SopsRefused as error:
                failed.append(f"{file}: {error}")
        if failed:
            raise SecretsLocked(
                f"{len(failed)} of {len(files)} files could not be encrypted again, the others were",
                why=failed[0], details={"problems": failed},
                next=f"put the key that opens them into {self.keys.key}, beside those that are there, or restore the "
                "files from a backup; then repeat the command",
            )  # fmt: skip
        return Reencrypted(documents=len(files), recipients=recipients)

    def _open(self, file: Path) -> Opened:
        return document.open_text(_text(file), "yaml", self.keys.identities())

    def _open_twice(self, file: Path) -> dict[str, str]:
        """Decrypt the file; retry once, because a rotation may have ended between reading the file and the key."""
        try:
            return self.texts(file)
        except NotARecipient:
            pass
        try:
            return self.texts(file)
        except NotARecipient as error:
            raise SecretsLocked(
                f"{file} cannot be opened with the key in {self.keys.key}", why=str(error),
                next=f"put the key that belongs to it back into {self.keys.key}, beside the one that is there; "
                "nothing was lost, and apps that run go on running",
            ) from error  # fmt: skip

    def _rotate(self) -> Reencrypted:
        old, new = self.keys.identities(), age_keys.make_identity()
        try:
            self.keys.write_identities((new, *old))  # first, so that after a crash every file can still be opened
            done = self.reencrypt(is_whole=True)
            self.keys.retire(old)
            self.keys.write_identities((new,))
        except OSError as error:
            raise unavailable("the rotation of the age key was not completed", error) from error
        return done

    def _set_recipients(self, others: tuple[Recipient, ...]) -> Reencrypted:
        problems = []
        for recipient in others:
            try:
                age_keys.parse_recipient(recipient.key)
            except ValueError as error:
                problems.append(f"{recipient.name}: {error}")
        if problems:
            raise InvalidRecipient(
                "the recipients were not changed", details={"problems": problems},
                next="correct the key; `pvdify secrets` shows the recipients",
            )  # fmt: skip
        try:
            self.keys.write_others(others)
            return self.reencrypt()
        except OSError as error:
            raise unavailable("the recipients were not changed everywhere", error) from error

    def _files(self) -> list[Path]:
        return sorted(file for directory in self._directories for file in directory.glob(f"**/*{ENDING}"))


def unavailable(what: str, error: OSError) -> StoreUnavailable:
    """Return the error for a file system that refuses a read or a write."""
    return storage_error(
        StoreUnavailable, what, error,
        next="check that the disk under the data directory is not read-only; existing data is unchanged",
    )  # fmt: skip


def _move(old: Path, new: Path) -> None:
    if not old.is_dir():
        return
    new.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in old.iterdir():
        file.replace(new / file.name)
    old.rmdir()
    for folder in (new, new.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _text(file: Path) -> str:
    """Return the file's text. Raises OSError, SopsRefused."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SopsRefused("it is damaged: it is not UTF-8 text") from error
