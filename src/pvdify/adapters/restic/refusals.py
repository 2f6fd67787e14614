"""restic's failures as errors, classified by the words that restic writes."""

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
MOST = 400  # characters of restic's output that an error quotes


def refusal(done: Completed, target: BackupTarget, what: str) -> PvdifyError:
    """Return the error for a failed restic process. ``what``: the error's first sentence, what was not done."""
    said = words_of(done, target)
    low = f"{done.stderr}\n{done.stdout}".lower()
    if any(each in low for each in _WRONG_KEYS):
        return BackupTargetRefused(
            what, why=said, next="`pvdify backups:target LOCATION` with the right keys; the password is the one that "
            "was shown when the target was made",
        )  # fmt: skip
    if is_locked(done):
        return BackupTargetUnavailable(
            what, why=said, next="another program uses the target: wait until it ends, or find and end it; pvdify "
            "removes only the locks of programs that no longer run",
        )  # fmt: skip
    if any(each in low for each in _NOTHING) and "config file" in low:
        return BackupTargetUnavailable(
            what, why=said, next=f"check that {target.location} is mounted, reachable and still holds the backups"
        )
    if any(each in low for each in _DAMAGED):
        return BackupDamaged(what, why=said, next="`pvdify backups:run` makes a new backup; keep the old one for now")
    return _unknown(done, what, said)


def is_locked(done: Completed) -> bool:
    """Return whether another restic process, running or not, has locked the target."""
    return any(each in done.stderr.lower() for each in _LOCKED)


def _unknown(done: Completed, what: str, said: str) -> PvdifyError:
    if done.exit_code == 3:
        return BackupFailed(what, why=said, next="check the file that is named, then `pvdify backups:run`")
    return BackupTargetUnavailable(what, why=said, next="check that the target answers and has space, then try again")


def words_of(done: Completed, target: BackupTarget) -> str:
    """Return the last four lines that restic wrote, cut to ``MOST`` characters, with the target's secrets masked."""
    text = done.stderr.strip() or done.stdout.strip() or f"restic ended with {done.exit_code}"
    for secret in (target.password, *target.keys.values()):
        for line in str(secret).splitlines():
            text = text.replace(line, "***") if len(line) > 3 else text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-4:])[-MOST:]
