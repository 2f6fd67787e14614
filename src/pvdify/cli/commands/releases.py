"""``pvdify releases``, ``releases:info`` and ``releases:output``: show releases and their deploys."""

from collections.abc import Iterable
from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import app_option, app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.moments import moment
from pvdify.cli.parameters import WholeNumber, release_number
from pvdify.cli.words import split
from pvdify.client.api import Client
from pvdify.wire.answers import Receipt, Release
from pvdify.wire.deploy_log import format_seconds

SHORT_COMMIT = 7  # characters, as in git's short hashes


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify releases``."""

    app: str
    limit: int
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class InfoOptions:
    """Options of ``pvdify releases:info`` and ``releases:output``."""

    app: str
    version: int
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show the newest releases, newest first."""
    found = client.releases(options.app, limit=options.limit)
    if options.as_json:
        io.show_json({"releases": found})
    elif found:
        headers: tuple[str, ...] = ("RELEASE", "STATUS", "IMAGE", "CONFIG", "CREATED", "BY", "ROLLBACK")
        rows: list[tuple[str, ...]] = [_row(release, io) for release in found]
        if any(sources := [_source(release) for release in found]):
            headers = (*headers, "FROM")
            rows = [(*row, source or output.NONE) for row, source in zip(rows, sources, strict=True)]
        io.show(output.table(headers, rows))
    else:
        io.say(f"no releases yet; the first: pvdify deploy {options.app} --image REF")
    return DONE


def run_info(options: InfoOptions, client: Client, io: Io) -> int:
    """Show the details of one release."""
    release = client.release(options.app, options.version)
    if options.as_json:
        io.show_json(release)
    else:
        io.show(output.facts(_facts(release, io)))
    return DONE


def run_output(options: InfoOptions, client: Client, io: Io) -> int:
    """Show the deploy log of one release."""
    lines = client.deploy_log(options.app, options.version).splitlines()
    if options.as_json:
        io.show_json({"app": options.app, "version": options.version, "lines": lines})
    for line in () if options.as_json else lines:
        io.show(line)
    return DONE


@command("releases", run=run_list, example="pvdify releases myapp -n 5")
@app_parameter
@click.option("-n", "--num", "limit", type=WholeNumber(1, 1000), default=15, show_default=True, help="How many.")
def releases(*, app: str, limit: int, as_json: bool) -> ListOptions:
    """Show the releases of APP, newest first.

    The last column shows which releases you can roll back to.
    """
    return ListOptions(app=app, limit=limit, as_json=as_json)


@command("releases:info", run=run_info, example="pvdify releases:info myapp 42")
@click.argument("words", metavar="[APP] N", nargs=-1)
@app_option
@click.pass_obj
def releases_info(surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool) -> InfoOptions:
    """Show one release of APP, its steps and its receipt."""
    name, (number,) = split(words, app, surroundings, command="releases:info", values="N")
    return InfoOptions(app=name, version=release_number(number), as_json=as_json)


@command("releases:output", run=run_output, example="pvdify releases:output myapp 42")
@click.argument("words", metavar="[APP] N", nargs=-1)
@app_option
@click.pass_obj
def releases_output(
    surroundings: Surroundings, *, words: tuple[str, ...], app: str | None, as_json: bool
) -> InfoOptions:
    """Show the deploy log of one release of APP.

    The same as `pvdify logs APP --deploy --release N`.
    """
    name, (number,) = split(words, app, surroundings, command="releases:output", values="N")
    return InfoOptions(app=name, version=release_number(number), as_json=as_json)


def _row(release: Release, io: Io) -> tuple[str, ...]:
    return (
        output.version(release.version),
        _status(release),
        release.image,
        output.version(release.config_version),
        moment(release.created_at, io),
        release.created_by,
        "yes" if release.can_roll_back else output.NONE,
    )


def _source(release: Release) -> str:
    """Return what a rollback repeats, and the origin of the image: ``rollback to v5, main c0ffee1``."""
    repeated = release.description if release.description.startswith("rollback ") else ""
    built = " ".join(part for part in (release.branch, (release.commit or "")[:SHORT_COMMIT]) if part)
    return ", ".join(part for part in (repeated, built) if part)


def _status(release: Release) -> str:
    """Return the status with the code of the failure, also for a live release that has one."""
    code = release.status if release.failure is None else release.failure.code
    return release.status if code == release.status else f"{release.status} ({code})"


def _facts(release: Release, io: Io) -> Iterable[tuple[str, str]]:
    failure = release.failure
    yield "release", f"v{release.version} of {release.app}"
    yield "status", release.status
    yield "description", release.description
    yield "image", release.image
    yield "digest", release.digest or ""
    yield "config", output.version(release.config_version)
    yield "commit", release.commit or ""
    yield "branch", release.branch or ""
    yield "run", "" if release.run_number is None else str(release.run_number)
    yield "created", f"{moment(release.created_at, io)} by {release.created_by}"
    yield "url", release.url or output.NONE
    yield "rollback", "yes" if release.can_roll_back else "no"
    if failure is not None:
        yield "failure", f"{failure.code}: {failure.what}"
        yield "why", failure.why
        yield "next", failure.next
    if release.receipt is not None:
        yield from _receipt_facts(release.receipt)


def _receipt_facts(receipt: Receipt) -> Iterable[tuple[str, str]]:
    steps = (f"{name} {format_seconds(milliseconds / 1000)}" for name, milliseconds in receipt.steps.items())
    yield "took", format_seconds(receipt.seconds)
    if receipt.held is not None:
        yield "held", f"requests, up to {format_seconds(receipt.held)}"
    if receipt.downtime is not None:
        yield "turned away", f"visitors, for {format_seconds(receipt.downtime)}"
    yield "steps", ", ".join(steps)
    counted = receipt.requests
    if counted is not None:
        so_far = "" if counted.is_final else " so far"
        yield (
            "requests",
            f"{counted.served} served{so_far}, {counted.failed} failed, {counted.cut} cut, "
            f"{counted.app_errors} errors of the app itself",
        )
