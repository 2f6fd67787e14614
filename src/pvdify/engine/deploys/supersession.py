"""An older build never replaces a newer one: its error."""

from dataclasses import replace

from pvdify.errors import DeploySuperseded
from pvdify.model.release import Failure, Release, ReleaseStatus


def superseded(late: Release, newer: Release, state: str) -> DeploySuperseded:
    """The error of a release that was built before another one of its branch, which ``state``."""
    return DeploySuperseded(
        f"{late.app} v{late.version} was built by run {late.source.run_number} of {late.source.branch}, "
        f"but v{newer.version} of run {newer.source.run_number} {state}",
        why="an older build never replaces a newer one of its branch",
        next=f"nothing to do; to put the older one live all the same: `pvdify deploy {late.app} "
        f"--image {late.image} --allow-older`",
    )


def superseded_by(late: Release, newer: Release, state: str) -> Release:
    """The release as it ends without ever having begun."""
    failure = Failure.of(superseded(late, newer, state))
    return replace(late, status=ReleaseStatus.SUPERSEDED, failure=failure)
