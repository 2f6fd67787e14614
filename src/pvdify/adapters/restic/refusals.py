"""What restic says when it does not do something, as errors."""

from pvdify.errors import BackupDamaged, BackupFailed, BackupTargetRefused, BackupTargetUnavailable, PvdifyError
from pvdify.plumbing.command_runner import Completed
from pvdify.ports.backups import BackupTarget

_WRONG_KEYS = (
    "wrong password", "no key found", "access denied", "accessdenied", "invalidaccesskeyid", "signaturedoesnotmatch",
    "permission denied (publickey", "host key verification failed", "403 forbidden", "access key id you provided",
)  # fmt: skip
_DAMAGED = (
    "ciphertext verification failed", "not found in index", "unable to load index", "no matching id",
    "load snapshot", "invalid data returned", "returned invalid hash", "unexpected eof", "ignoring error",
    "there were", "is damaged", "repository contains errors", "missing packs", "invalid character", "pack file",
    "does not exist in the repository", "errors during restore", "hash mismatch", "not a valid",
)  # fmt: skip
_NOTHING = ("unable to open config file", "is there a repository", "no such file or directory", "nosuchbucket")
_LOCKED = ("already locked", "unable to create lock")
MOST = 400  # characters of restic's own words


def refusal(done: Completed, target: BackupTarget, what: str) -> PvdifyError:
    """The error for a restic that failed. ``what``: what was not done."""
    said = words_of(done, target)
    low = f"{done.stderr}\n{done.stdout}".lower()
    if any(each in low for each in _WRONG_KEYS):
        return BackupTargetRefused(
            what, why=said, next="`pvdify backups:target LOCATION` with the right keys; the password is the one that "
            "was shown when the target was made",
        )  # fmt: skip
    if is_locked(done):
        return BackupTargetUnavailable(
            what, why=said, next="another program works at the target: wait for it, or look what it is; pvdify removes "
            "only the locks of programs that are gone",
        )  # fmt: skip
    if any(each in low for each in _NOTHING) and "config file" in low:
        return BackupTargetUnavailable(
            what, why=said, next=f"look whether {target.location} is mounted, reachable and what it was"
        )
    if any(each in low for each in _DAMAGED):
        return BackupDamaged(what, why=said, next="`pvdify backups:run` makes a new backup; keep the old one for now")
    return _unknown(done, what, said)


def is_locked(done: Completed) -> bool:
    """Whether another restic, alive or not, has locked the target."""
    return any(each in done.stderr.lower() for each in _LOCKED)


def _unknown(done: Completed, what: str, said: str) -> PvdifyError:
    if done.exit_code == 3:
        return BackupFailed(what, why=said, next="look at the file that is named, then `pvdify backups:run`")
    return BackupTargetUnavailable(what, why=said, next="look whether the target answers and has space, then try again")


def words_of(done: Completed, target: BackupTarget) -> str:
    """Return the last lines that restic wrote, without anything that opens the target."""
    text = done.stderr.strip() or done.stdout.strip() or f"restic ended with {done.exit_code}"
    for secret in (target.password, *target.keys.values()):
        for line in str(secret).splitlines():
            text = text.replace(line, "***") if len(line) > 3 else text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-4:])[-MOST:]
