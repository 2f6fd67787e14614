"""The origin of an image, from GitHub Actions or the git checkout."""

from dataclasses import dataclass

from pvdify.cli import git
from pvdify.cli.io import Surroundings


@dataclass(frozen=True, kw_only=True)
class Source:
    """Commit, branch and number of the CI run; None if unknown."""

    commit: str | None = None
    branch: str | None = None
    run_number: int | None = None


def find(surroundings: Surroundings) -> Source:
    """Return the origin from GitHub's variables in a workflow, else from git."""
    if surroundings.environ.get("GITHUB_SHA"):
        return _of_workflow(surroundings)
    head = git.head(surroundings.folder)
    return Source() if head is None else Source(commit=head.commit, branch=head.branch)


def _of_workflow(surroundings: Surroundings) -> Source:
    environ = surroundings.environ
    is_branch = environ.get("GITHUB_REF_TYPE", "branch") == "branch"
    # On a pull request GITHUB_REF_NAME is "12/merge", which is no branch.
    branch = environ.get("GITHUB_HEAD_REF") or (environ.get("GITHUB_REF_NAME") if is_branch else None)
    run_number = environ.get("GITHUB_RUN_NUMBER", "")
    return Source(
        commit=environ["GITHUB_SHA"],
        branch=branch or None,
        run_number=int(run_number) if run_number.isdecimal() else None,
    )
