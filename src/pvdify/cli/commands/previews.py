"""``pvdify preview`` with its variants, and ``previews``: an app for each open pull request."""

from dataclasses import dataclass

import click

from pvdify.cli import manifest_file, output, pull_request, source
from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment, until
from pvdify.cli.parameters import WholeNumber
from pvdify.client.api import Client
from pvdify.errors import FailedError, PreviewNotFound
from pvdify.wire.answers import Preview
from pvdify.wire.moment import parse_moment
from pvdify.wire.requests import PutPreview


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify preview``."""

    app: str
    pull_request: int
    wanted: PutPreview
    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class CloseOptions:
    """Options of ``pvdify preview:close``.

    ``as_of``: GitHub's time of the event that closed the pull request, if known.
    """

    app: str
    pull_request: int
    as_of: str | None
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class KeepOptions:
    """Options of ``pvdify preview:keep``."""

    app: str
    pull_request: int
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify previews``."""

    app: str
    as_json: bool


def run(options: Options | CloseOptions, client: Client, io: Io) -> int:
    """Create or update the preview and follow its deploy, or close the preview."""
    if isinstance(options, CloseOptions):
        return run_close(options, client, io)
    preview = client.put_preview(options.app, options.pull_request, options.wanted)
    release = preview.release
    if release is None:
        raise FailedError(f"{preview.name} has no release", next=f"`pvdify previews {options.app}` shows it")
    if options.is_waiting:
        io.say(f"Deploying {release.image} to {release.app}")
        from pvdify.cli.watch import watch  # while the server works

        return watch(release, client, io, as_json=options.as_json)
    if io.workflow is not None:
        io.workflow.report_release(release)
    if options.as_json:
        io.show_json(preview)
    else:
        io.show(preview.url or f"{preview.name} has no web process, so no URL")
    return DONE


def run_close(options: CloseOptions, client: Client, io: Io) -> int:
    """Close the preview: the server removes it after its delay. Repeating the command is harmless.

    In a workflow, where no person has typed the number, a pull request without a preview is no failure: its image may
    never have been built, or its preview has ended already.
    """
    try:
        preview = client.close_preview(options.app, options.pull_request, options.as_of)
    except PreviewNotFound:
        if not io.is_in_workflow:
            raise
        if options.as_json:
            io.show_json({"app": options.app, "pr": options.pull_request, "status": "none"})
        else:
            io.show(f"pull request {options.pull_request} has no preview of {options.app}: nothing to close")
        return DONE
    if options.as_json:
        io.show_json(preview)
        return DONE
    io.show(f"{preview.name} is closed; it stays {until(preview.ends_at, io)}, then goes with everything of it")
    io.say(f"to keep it: pvdify preview {preview.app} --pr {preview.pr}")
    return DONE


def run_keep(options: KeepOptions, client: Client, io: Io) -> int:
    """Keep the preview for at least one day from now."""
    preview = client.keep_preview(options.app, options.pull_request)
    if options.as_json:
        io.show_json(preview)
        return DONE
    io.show(f"{preview.name} stays {until(preview.ends_at, io)} at least")
    return DONE


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show an app's previews."""
    found = client.previews(options.app)
    if options.as_json:
        io.show_json({"previews": found})
    elif found:
        io.show(
            output.table(
                ("PR", "STATUS", "URL", "RELEASE", "IMAGE", "GOES AT"), (_row(preview, io) for preview in found)
            )
        )
    else:
        io.say(f"no previews; the first: pvdify preview {options.app} --pr N --image REF")
    return DONE


@command(
    "preview",
    run=run,
    example="pvdify preview myapp --pr 12 --image ghcr.io/org/app:pr-12\n"
    "pvdify preview myapp --pr 12    # the same image again, or to keep one whose pull request was reopened",
)
@app_parameter
@click.option("--pr", "number", type=WholeNumber(min=1), metavar="N", help="The pull request; default: this one's.")
@click.option("--image", metavar="REF", help="The image; default: that of the preview.")
@click.option("--manifest", metavar="FILE", help="The manifest; default: ./pvdify.yml, if it is this app's.")
@click.option("--close", is_flag=True, help="The same as preview:close.")
@click.option("--no-wait", is_flag=True, help="Print the preview's address and return at once.")
@click.pass_obj
def preview(
    surroundings: Surroundings,
    *,
    app: str,
    number: int | None,
    image: str | None,
    manifest: str | None,
    close: bool,
    no_wait: bool,
    as_json: bool,
) -> Options | CloseOptions:
    """Create or update the preview of a pull request.

    The preview of pull request 12 of myapp is the app myapp-pr-12, with its own address. It is deleted a day after the
    pull request is closed, unless the pull request is reopened before. In a workflow for a pull request, the command
    finds its number, commit, branch and labels.
    """
    found = pull_request.find(number, surroundings)
    if close:
        return CloseOptions(app=app, pull_request=found.number, as_of=found.updated_at, as_json=as_json)
    origin = source.find(surroundings)
    wanted = PutPreview(
        image=image,
        manifest=_manifest(manifest, app, surroundings),
        commit=found.commit or origin.commit,
        branch=found.branch or origin.branch,
        run_number=origin.run_number,
        repository=pull_request.repository(surroundings),
        fork=found.is_fork,
        labels=list(found.labels),
        as_of=None if found.updated_at is None else parse_moment(found.updated_at),
    )
    return Options(app=app, pull_request=found.number, wanted=wanted, is_waiting=not no_wait, as_json=as_json)


@command("preview:close", run=run_close, example="pvdify preview:close myapp --pr 12")
@app_parameter
@click.option("--pr", "number", type=WholeNumber(min=1), metavar="N", help="The pull request; default: this one's.")
@click.pass_obj
def preview_close(surroundings: Surroundings, *, app: str, number: int | None, as_json: bool) -> CloseOptions:
    """Close the preview of a pull request.

    It is deleted after `previews.close_delay`, by default a day. `pvdify preview` before that opens it again.
    """
    found = pull_request.find(number, surroundings)
    return CloseOptions(app=app, pull_request=found.number, as_of=found.updated_at, as_json=as_json)


@command("preview:keep", run=run_keep, example="pvdify preview:keep myapp --pr 12")
@app_parameter
@click.option("--pr", "number", type=WholeNumber(min=1), metavar="N", help="The pull request; default: this one's.")
@click.pass_obj
def preview_keep(surroundings: Surroundings, *, app: str, number: int | None, as_json: bool) -> KeepOptions:
    """Keep a preview for at least one more day.

    It may be open or closed. A preview that would be kept for longer is not changed.
    """
    return KeepOptions(app=app, pull_request=pull_request.find(number, surroundings).number, as_json=as_json)


@command("previews", run=run_list, example="pvdify previews myapp")
@app_parameter
def previews(*, app: str, as_json: bool) -> ListOptions:
    """Show the previews of APP, and when each is deleted."""
    return ListOptions(app=app, as_json=as_json)


def _manifest(file: str | None, app: str, surroundings: Surroundings) -> str | None:
    if file is not None:
        return manifest_file.read(surroundings.folder / file)
    text = manifest_file.read_default(surroundings.folder)
    is_ours = text is not None and manifest_file.is_for(manifest_file.app_of(text), app)
    return text if is_ours else None


def _row(preview: Preview, io: Io) -> tuple[str, ...]:
    release = preview.release
    return (
        str(preview.pr),
        preview.status,
        preview.url or output.NONE,
        "-" if release is None else f"v{release.version} {release.status}",
        preview.image or "-",
        moment(preview.ends_at, io),
    )
