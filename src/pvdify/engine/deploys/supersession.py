"""The error and the final state of a release whose build is older than another one's. Pure functions."""

from dataclasses import replace

from pvdify.errors import DeploySuperseded
from pvdify.model.release import Failure, Release, ReleaseStatus


def superseded(late: Release, newer: Release, state: str) -> DeploySuperseded:
    """Return the error for a release built before ``newer``; ``state`` says what ``newer`` is: "is live already"."""
    return DeploySuperseded(
        f"{late.app} v{late.version} was built by run {late.source.run_number} of {late.source.branch}, "
        f"but v{newer.version} of run {newer.source.run_number} {state}",
        why="an older build never replaces a newer one of its branch",
        next="nothing to do; to put it live all the same, for example the first run of another workflow file: "
        f"`pvdify deploy {late.app} --image {late.image} --allow-older`",
    )


def superseded_by(late: Release, newer: Release, state: str) -> Release:
    """Return the release with the status SUPERSEDED and this failure; for a deploy that never began."""
    failure = Failure.of(superseded(late, newer, state))
    return replace(late, status=ReleaseStatus.SUPERSEDED, failure=failure)
