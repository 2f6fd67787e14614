"""The choice of the pull request, from GitHub Actions or ``gh``."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pvdify.cli import git, source
from pvdify.cli.io import Surroundings
from pvdify.errors import InvalidError
from pvdify.wire.moment import parse_moment

_REF = re.compile(r"refs/pull/([1-9][0-9]*)/(merge|head)")
_REMOTE = re.compile(r"(?:https://|ssh://git@|git@)github\.com[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?")
_SECONDS = 20.0
LARGEST_EVENT = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request. Outside of a workflow for it, only the number is known.

    ``updated_at`` is GitHub's time of the event.
    """

    number: int
    updated_at: str | None = None
    commit: str | None = None
    branch: str | None = None
    is_fork: bool = False
    labels: tuple[str, ...] = ()


def find(given: int | None, surroundings: Surroundings) -> PullRequest:
    """Return the pull request of this number, of this workflow, or of the branch that is checked out.

    Raises InvalidError if there is none.
    """
    event = _of_event(surroundings.environ)
    if event is not None and given in (None, event.number):
        return event
    number = given or _of_ref(surroundings.environ)
    found = _of_gh(number, surroundings)
    if found is not None:
        return found
    if number is None:
        raise InvalidError(
            "no pull request was named",
            why="it is taken from --pr, from the workflow's event, or (by `gh pvdify`) from what GitHub says of the "
            "branch; none of these says",
            next="name it: --pr 12",
        )
    return PullRequest(number=number)


def repository(surroundings: Surroundings) -> str | None:
    """Return ``owner/name`` at GitHub, from the workflow or from the remote ``origin``; None if unknown."""
    named = surroundings.environ.get("GITHUB_REPOSITORY")
    if named:
        return named
    match = _REMOTE.fullmatch(git.remote_url(surroundings.folder) or "")
    return match["name"] if match else None


def _of_event(environ: Mapping[str, str]) -> PullRequest | None:
    """Return the pull request in the event of the workflow; None if there is none or it cannot be read."""
    path = environ.get("GITHUB_EVENT_PATH")
    if not path:
        return None
    try:
        with Path(path).open("rb") as stream:
            found = json.loads(stream.read(LARGEST_EVENT)).get("pull_request")
        return None if found is None else _understood(found)
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None


def _understood(found: Any) -> PullRequest:
    head, base = found["head"], found["base"]
    parse_moment(found["updated_at"])
    return PullRequest(
        number=int(found["number"]),
        updated_at=found["updated_at"],
        commit=str(head["sha"]),
        branch=str(head["ref"]),
        # The head's repository is null if the fork was deleted.
        is_fork=(head.get("repo") or {}).get("full_name") != base["repo"]["full_name"],
        labels=tuple(str(label["name"]) for label in found.get("labels", ())),
    )


def _of_ref(environ: Mapping[str, str]) -> int | None:
    match = _REF.fullmatch(environ.get("GITHUB_REF", ""))
    return int(match[1]) if match else None


def _of_gh(number: int | None, surroundings: Surroundings) -> PullRequest | None:
    """Ask GitHub with ``gh`` for the pull request of this number or branch; ``gh`` sets GH_PATH for its extensions."""
    program, name = surroundings.environ.get("GH_PATH"), repository(surroundings)
    branch = source.find(surroundings).branch
    if not program or name is None or (number is None and branch is None):
        return None
    if number is not None:
        answer = _ask_gh(program, f"repos/{name}/pulls/{number}", surroundings)
    else:
        head = quote(f"{name.partition('/')[0]}:{branch}")
        listed = _ask_gh(program, f"repos/{name}/pulls?state=open&head={head}", surroundings)
        answer = listed[0] if isinstance(listed, list) and listed else None
    try:
        # The time of the last change is not the time of an event that opened or closed the pull request.
        return None if answer is None else replace(_understood(answer), updated_at=None)
    except (ValueError, AttributeError, KeyError, TypeError):
        return None


def _ask_gh(program: str, path: str, surroundings: Surroundings) -> Any:
    """Return GitHub's JSON answer; None without a login, an answer or a result."""
    import subprocess

    try:
        answer = subprocess.run(
            (program, "api", path),
            cwd=surroundings.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        return json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
