"""Facts from git about a folder; None if git is missing, fails or times out, or the folder is no repository."""

from dataclasses import dataclass
from pathlib import Path

# seconds; a network file system that hangs must not block a deploy
_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Head:
    """The commit that is checked out; ``branch`` is None for a detached HEAD."""

    commit: str
    branch: str | None


def head(folder: Path) -> Head | None:
    """Return the commit and branch that are checked out in the folder."""
    answer = (_git(folder, "rev-parse", "HEAD", "--abbrev-ref", "HEAD") or "").split()
    if len(answer) != 2:
        return None
    commit, branch = answer
    return Head(commit=commit, branch=None if branch == "HEAD" else branch)


def remote_url(folder: Path) -> str | None:
    """Return the URL of the remote ``origin``."""
    return _git(folder, "config", "--get", "remote.origin.url")


def _git(folder: Path, *arguments: str) -> str | None:
    import subprocess

    try:
        answer = subprocess.run(
            ("git", "-C", str(folder), *arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
