"""``pvdify deploy:cancel``: cancel a deploy before its switch."""

from dataclasses import dataclass

from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.in_progress import newest
from pvdify.cli.io import Io
from pvdify.cli.outcome import is_settled
from pvdify.client.api import Client
from pvdify.errors import NotCancelable


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify deploy:cancel``."""

    app: str
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Cancel the newest deploy in progress. Raises NotCancelable if there is none."""
    release = newest(options.app, client)
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
    io.say(f"{live}watch: pvdify deploy:attach {canceled.app}")
    return DONE


@command("deploy:cancel", run=run, example="pvdify deploy:cancel myapp")
@app_parameter
def deploy_cancel(*, app: str, as_json: bool) -> Options:
    """Cancel the running deploy of APP.

    Before the switch all steps are undone, and visitors see no change. After the switch a deploy cannot be canceled:
    use `pvdify rollback`.
    """
    return Options(app=app, as_json=as_json)
