"""Following a deploy to its end; the deploy goes on without the command."""

from pvdify.cli.exit_codes import DETACHED
from pvdify.cli.io import Io
from pvdify.cli.live import Display, display
from pvdify.cli.outcome import is_settled, report
from pvdify.client.api import Client
from pvdify.client.calls.releases import DeployEnded, DeployLine, StepBegan
from pvdify.client.events import StreamLost
from pvdify.errors import DeniedError, OutcomeUnknown, UnavailableError
from pvdify.wire.answers import Release


def watch(release: Release, client: Client, io: Io, *, as_json: bool) -> int:
    """Show the deploy's log until the release is live or has failed, print the result, and return the exit code.

    Ctrl-C detaches. Raises OutcomeUnknown if the server does not come back.
    """
    lines = display(io)
    try:
        ended = _follow(release, client, lines)
    except KeyboardInterrupt:
        lines.close()
        return _detach(release, io, as_json=as_json)
    finally:
        lines.close()
    return report(ended, io, as_json=as_json)


def _follow(release: Release, client: Client, lines: Display) -> Release:
    try:
        for event in client.follow_deploy(release.app, release.version):
            match event:
                case StepBegan(step=step):
                    lines.begin(step)
                case DeployLine(text=text):
                    lines.line(text)
                case DeployEnded(release=ended):
                    return ended
    except StreamLost as lost:
        return _look_once_more(release, client, lost.why)
    except DeniedError as error:  # a token that expired during the deploy
        return _look_once_more(release, client, error.why or error.what)
    return _look_once_more(release, client, "the log ended before the deploy did")


def _look_once_more(release: Release, client: Client, why: str) -> Release:
    try:
        ended = client.release(release.app, release.version)
    except (DeniedError, UnavailableError):
        ended = release
    if not is_settled(ended):
        raise OutcomeUnknown(
            f"{release.app} v{release.version}: the connection was lost before the deploy had ended",
            why=why,
            next=f"`pvdify deploy:attach {release.app} --release {release.version}` follows it again; the deploy "
            "continues",
        )
    return ended


def _detach(release: Release, io: Io, *, as_json: bool) -> int:
    io.say(f"Detached; the deploy of v{release.version} continues.")
    io.say(f"  attach: pvdify deploy:attach {release.app} --release {release.version}")
    io.say(f"  cancel: pvdify deploy:cancel {release.app} --release {release.version}")
    if as_json:
        io.show_json(release)
    return DETACHED
