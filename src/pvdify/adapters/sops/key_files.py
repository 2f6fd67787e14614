"""``age.key`` and ``age.recipients`` in the data directory: the server's keys, and further recipients of its files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pvdify.adapters.sops import age_keys
from pvdify.adapters.sops.age_keys import Identity
from pvdify.errors import SecretsLocked
from pvdify.ports.secrets import Recipient

WriteWhole = Callable[[Path, bytes], None]
_HEAD = "# pvdify's age key, which opens every config var. Keep a copy away from this server.\n"


@dataclass(frozen=True, kw_only=True)
class KeyFiles:
    """The server's key files, read from disk at each call, so that a key restored by hand takes effect at once.

    ``age.key`` may contain several keys, for example after an interrupted rotation. All of them open files; files are
    encrypted for the first one. ``retired`` keeps replaced keys, which open old backups.
    """

    directory: Path
    write_whole: WriteWhole

    @property
    def key(self) -> Path:
        """The file with the server's own keys."""
        return self.directory / "age.key"

    @property
    def recipients(self) -> Path:
        """The file with the further recipients."""
        return self.directory / "age.recipients"

    @property
    def retired(self) -> Path:
        """The file with the keys that rotations replaced."""
        return self.directory / "age.retired.key"

    def identities(self) -> tuple[Identity, ...]:
        """Return the server's keys, newest first. Raises SecretsLocked if there is no file, or no readable age key."""
        try:
            return age_keys.parse_identities(self.key.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            why = "it is not there" if isinstance(error, FileNotFoundError) else str(error)
            raise SecretsLocked(
                f"config vars cannot be opened: {self.key} does not give the server's age key",
                why=why,
                next=f"put the key back from your backup as {self.key} (mode 0600); nothing was lost, and apps that "
                "run go on running",
            ) from error

    def with_retired(self) -> tuple[Identity, ...]:
        """Return the server's keys, then the retired ones if their file is readable. Raises SecretsLocked."""
        current = self.identities()
        try:
            return current + age_keys.parse_identities(self.retired.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return current

    def write_identities(self, identities: Sequence[Identity]) -> None:
        """Raises OSError."""
        self.write_whole(self.key, (_HEAD + _lines(identities)).encode())

    def retire(self, identities: Sequence[Identity]) -> None:
        """Add to the retired keys. Raises OSError."""
        known = self.retired.read_text(encoding="utf-8") if self.retired.exists() else "# Keys of older backups.\n"
        new = [identity for identity in identities if identity.text not in known]
        self.write_whole(self.retired, (known + _lines(new)).encode())

    def others(self) -> tuple[Recipient, ...]:
        """Return the further recipients in file order; each has ``# name`` in the line above. Raises SecretsLocked."""
        try:
            text = self.recipients.read_text(encoding="utf-8") if self.recipients.exists() else ""
            found = tuple(_parse_others(text.splitlines()))
            for recipient in found:
                age_keys.parse_recipient(recipient.key)
        except (OSError, ValueError) as error:
            raise SecretsLocked(
                f"{self.recipients} cannot be used", why=str(error),
                next="correct the file: one age recipient a line; nothing was changed",
            ) from error  # fmt: skip
        return found

    def write_others(self, recipients: Sequence[Recipient]) -> None:
        """Raises OSError."""
        text = "".join(f"# {recipient.name}\n{recipient.key}\n" for recipient in recipients)
        self.write_whole(self.recipients, text.encode())


def _parse_others(lines: Sequence[str]) -> list[Recipient]:
    found, name = [], ""
    for line in (line.strip() for line in lines):
        if line.startswith("#"):
            name = line.removeprefix("#").strip()
        elif line:
            found.append(Recipient(name=name or "unnamed", key=line))
            name = ""
    return found


def _lines(identities: Sequence[Identity]) -> str:
    return "".join(f"# public key: {identity.recipient}\n{identity.text.strip()}\n" for identity in identities)
