"""``pvdify logs``: show log lines of instances, a deploy log, or the requests at the router."""

import zlib
from dataclasses import dataclass

import click

from pvdify.cli import app_name
from pvdify.cli.command import command, named_app_parameter
from pvdify.cli.commands import logs_job, logs_router
from pvdify.cli.exit_codes import DETACHED, DONE
from pvdify.cli.in_progress import newest
from pvdify.cli.io import Io, Surroundings
from pvdify.cli.parameters import WholeNumber, moment, release_number
from pvdify.client.api import Client
from pvdify.client.calls.logs import LogFilter
from pvdify.client.calls.releases import DeployLine
from pvdify.client.events import StreamLost
from pvdify.errors import ServerUnreachable
from pvdify.wire import logs as log_text
from pvdify.wire.answers import LogLine


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify logs``.

    ``is_deploy``: the deploy log of ``wanted.release``, by default of the newest release.
    """

    app: str
    wanted: LogFilter
    is_deploy: bool
    is_following: bool
    as_json: bool


def run(options: Options | logs_router.Options | logs_job.Options, client: Client, io: Io) -> int:
    """Show the lines; with ``-f``, also new lines."""
    try:
        if isinstance(options, logs_router.Options):
            return logs_router.run(options, client, io)
        if isinstance(options, logs_job.Options):
            return logs_job.run(options, client, io)
        if options.is_deploy:
            return _deploy_log(options, client, io)
        return _follow(options, client, io) if options.is_following else _last_lines(options, client, io)
    except KeyboardInterrupt:
        # Ctrl-C is the usual way to stop following: print nothing.
        return DETACHED
    except StreamLost as lost:
        raise ServerUnreachable(
            f"{options.app or 'router'}: the log stream was lost",
            why=lost.why,
            next="run the same command again; visitors are not affected",
        ) from lost


@command(
    "logs",
    run=run,
    example="pvdify logs myapp -f --process web\npvdify logs myapp --release 41\n"
    "pvdify logs myapp --deploy\npvdify logs myapp --job report --run 17\npvdify logs --router -f",
)
@named_app_parameter
@click.option("-f", "-t", "--follow", "--tail", "follow", is_flag=True, help="Follow new lines; Ctrl-C ends it.")
@click.option(
    "-n", "--num", "lines", type=WholeNumber(0, 100_000), help="How many lines.  [default: 100; with --since: all]"
)
@click.option("--since", type=moment, metavar="WHEN", help="Only lines after: 10m, 2h or 2026-11-25T08:00.")
@click.option("-p", "--process", metavar="TYPE", help="Only one process type, such as web.")
@click.option("--deploy", "is_deploy", is_flag=True, help="The deploy log of the newest release.")
@click.option(
    "--release",
    type=release_number,
    metavar="N",
    help="An earlier release, also a stopped one; with --deploy: its deploy log.",
)
@click.option("--job", metavar="NAME", help="The log of the newest run of a scheduled job.")
@click.option("--run", "number", type=WholeNumber(1), metavar="N", help="With --job: an earlier run of it.")
@click.option("--router", "is_router", is_flag=True, help="The access log, of all apps or of APP.")
def logs(  # noqa: PLR0913 - one parameter per option
    *, app: str | None, surroundings: Surroundings, follow: bool, lines: int | None, since: str | None,
    process: str | None, is_deploy: bool, release: int | None, job: str | None, number: int | None, is_router: bool,
    as_json: bool,
) -> Options | logs_router.Options | logs_job.Options:  # fmt: skip
    """Show logs of APP or a job, a deploy log, or the access log.

    With -f, --json prints one object per line.
    """
    if number is not None and job is None:
        raise click.UsageError("--run is the number of a job's run: add --job NAME")
    if job is not None:
        if is_router or is_deploy or process is not None or release is not None or since is not None:
            raise click.UsageError("--job shows one run: leave out --router, --deploy, --process, --release, --since")
        name = app or app_name.resolve(None, None, surroundings)
        return logs_job.Options(app=name, job=job, number=number, lines=lines, is_following=follow, as_json=as_json)
    if is_router:
        if is_deploy or process is not None or release is not None or since is not None:
            raise click.UsageError("the access log has no --deploy, --process, --release or --since: leave it out")
        return logs_router.Options(
            app=app, lines=min(100 if lines is None else lines, 10_000), is_following=follow, as_json=as_json
        )
    if is_deploy and (process is not None or since is not None):
        raise click.UsageError("a deploy log is shown whole: leave out --process and --since, or --deploy")
    lines = 100 if lines is None and since is None else lines
    wanted = LogFilter(lines=lines, since=since, process=process, release=release)
    name = app or app_name.resolve(None, None, surroundings)
    return Options(app=name, wanted=wanted, is_deploy=is_deploy, is_following=follow, as_json=as_json)


def _last_lines(options: Options, client: Client, io: Io) -> int:
    lines = client.logs(options.app, options.wanted)
    if options.as_json:
        io.show_json({"lines": lines})
    for line in () if options.as_json else lines:
        _show(line, io)
    if not lines:
        io.say(f"no lines yet; the newest deploy's log: pvdify logs {options.app} --deploy")
    return DONE


def _follow(options: Options, client: Client, io: Io) -> int:
    for line in client.follow_logs(options.app, options.wanted):
        if options.as_json:
            io.show_json(line, is_line=True)
        else:
            _show(line, io)
    return DONE


def _show(line: LogLine, io: Io) -> None:
    """Print a line after its instance's name; each instance has its own color if colors are shown."""
    io.show_prefixed(*log_text.parts(line), color=zlib.crc32(f"{line.process}.{line.number}".encode()))


def _deploy_log(options: Options, client: Client, io: Io) -> int:
    version = options.wanted.release or newest(options.app, client).version
    if options.is_following:
        return _follow_deploy(options, version, client, io)
    lines = client.deploy_log(options.app, version).splitlines()
    if options.as_json:
        io.show_json({"app": options.app, "version": version, "lines": lines})
    for line in () if options.as_json else lines:
        io.show(line)
    return DONE


def _follow_deploy(options: Options, version: int, client: Client, io: Io) -> int:
    for event in client.follow_deploy(options.app, version):
        if not isinstance(event, DeployLine):
            continue
        if options.as_json:
            io.show_json({"text": event.text}, is_line=True)
        else:
            io.show(event.text)
    return DONE
