"""What git says of the folder; None wherever it says nothing: no git, no repository, no answer in time."""

from dataclasses import dataclass
from pathlib import Path

# A hung network file system must not hold up a deploy.
_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Head:
    """The commit that is checked out; ``branch`` is None when it is checked out by itself."""

    commit: str
    branch: str | None


def head(folder: Path) -> Head | None:
    """What is checked out in the folder."""
    answer = (_git(folder, "rev-parse", "HEAD", "--abbrev-ref", "HEAD") or "").split()
    if len(answer) != 2:
        return None
    commit, branch = answer
    return Head(commit=commit, branch=None if branch == "HEAD" else branch)


def remote_url(folder: Path) -> str | None:
    """Where ``origin`` is."""
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
