"""The result of a release, as text and as an exit code."""

from collections.abc import Iterator

from pvdify.cli.exit_codes import DONE, exit_code
from pvdify.cli.io import Io
from pvdify.client.problems import from_failure
from pvdify.errors import DeployCanceled, DeploySuperseded, FailedError, PvdifyError
from pvdify.wire.answers import Receipt, Release
from pvdify.wire.deploy_log import format_seconds


def is_settled(release: Release) -> bool:
    """Return whether the release's deploy has ended."""
    return release.status not in ("pending", "deploying")


def report(release: Release, io: Io, *, as_json: bool) -> int:
    """Print how the release ended, with the next step after a failure; return the exit code."""
    if as_json:
        io.show_json(release)
    if _was_live(release):
        text = live_line(release)
        if as_json:
            io.say(text)
        else:
            io.show(text, style="good")
    error = failure_of(release)
    if io.workflow is not None:
        io.workflow.report_release(release, error)
    if error is None:
        return DONE
    first, _, rest = error.render().partition("\n")
    io.say(first, style="error")
    io.say(rest)
    if not _was_live(release) and release.receipt is not None:
        for text in gap_of(release.receipt):
            io.say(f"  {text}")
    return exit_code(error)


def live_line(release: Release) -> str:
    """Return ``v42 is live at https://myapp.pvdify.win  (6.2s)   undo: pvdify rollback myapp``."""
    took = "" if release.receipt is None else f"  ({_took(release.receipt)})"
    if release.status == "superseded":
        return f"v{release.version} was live{took}; a newer release has taken its place"
    undo = "" if release.previous is None else f"   undo: pvdify rollback {release.app}"
    where = f" at {release.url}" if release.url else ""
    return f"v{release.version} is live{where}{took}{undo}"


def _took(receipt: Receipt) -> str:
    return "; ".join((format_seconds(receipt.seconds), *gap_of(receipt)))


def gap_of(receipt: Receipt) -> Iterator[str]:
    """Yield how long requests waited or were refused because the live release stopped first."""
    if receipt.held is not None:
        yield f"requests waited up to {format_seconds(receipt.held)}"
    if receipt.downtime is not None:
        yield f"visitors were turned away for {format_seconds(receipt.downtime)}"


def failure_of(release: Release) -> PvdifyError | None:
    """Return what went wrong as an error with a next step, also for a release that is live; None if nothing did."""
    if release.failure is not None:
        return from_failure(release.failure)
    if _was_live(release):
        return None
    name = f"{release.app} v{release.version}"
    check = f"`pvdify releases {release.app}` shows what is live"
    if release.status == "superseded":
        return DeploySuperseded(f"{name}: a newer deploy took its place before it began", next=check)
    if release.status == "canceled":
        return DeployCanceled(f"{name} was canceled before its switch; visitors saw no change", next=check)
    log = f"`pvdify logs {release.app} --deploy --release {release.version}` shows its log"
    return FailedError(f"{name} ended as {release.status}", next=log)


def _was_live(release: Release) -> bool:
    # A release that the guard takes back stays live for a moment; that is no success.
    if release.failure is not None and release.failure.code == "guard-tripped":
        return False
    # A release that never ran, or was refused for a newer build, can be superseded, too, and never switched.
    has_switched = release.receipt is not None and "switch" in release.receipt.steps
    return release.status == "active" or (release.status == "superseded" and has_switched)
