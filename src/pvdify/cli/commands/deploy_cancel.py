"""``pvdify deploy:cancel``: cancel a deploy before its switch."""

from dataclasses import dataclass

from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.in_progress import newest
from pvdify.cli.io import Io
from pvdify.cli.outcome import is_settled
from pvdify.cli.parameters import release_option
from pvdify.client.api import Client
from pvdify.errors import NotCancelable


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify deploy:cancel``."""

    app: str
    release: int | None
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Cancel the deploy of the release, or else the one in progress. Raises NotCancelable if it has ended."""
    version, app = options.release, options.app
    release = client.release(app, version) if version else newest(app, client, prefers_running=True)
    if version and is_settled(release):
        raise NotCancelable(
            f"the deploy of {app} v{version} has ended as {release.status}",
            next=f"pvdify releases {app} shows which releases are being deployed",
        )
    if is_settled(release):
        raise NotCancelable(
            f"{options.app} has no deploy in progress",
            why=f"its newest release, v{release.version}, has ended as {release.status}",
            next=f"to roll back to the previous release: pvdify rollback {options.app}"
            if release.previous is not None
            else f"pvdify releases {options.app} shows how it ended",
        )
    canceled = client.cancel(options.app, release.version)
    if options.as_json:
        io.show_json(canceled)
    else:
        io.show(f"v{canceled.version} of {canceled.app} is {'canceled' if is_settled(canceled) else 'being canceled'}")
    live = f"v{canceled.previous} stays live; " if canceled.previous is not None else ""
    io.say(f"{live}watch: pvdify deploy:attach {canceled.app} --release {canceled.version}")
    return DONE


@command("deploy:cancel", run=run, example="pvdify deploy:cancel myapp")
@app_parameter
@release_option
def deploy_cancel(*, app: str, release: int | None, as_json: bool) -> Options:
    """Cancel the running deploy of APP.

    Before the switch all steps are undone, and visitors see no change. After the switch a deploy cannot be canceled:
    use `pvdify rollback`. A deploy that waits for this one then runs.
    """
    return Options(app=app, release=release, as_json=as_json)
