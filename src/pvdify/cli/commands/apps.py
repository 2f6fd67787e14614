"""``pvdify apps``, ``apps:create`` and ``apps:info``."""

from collections.abc import Iterator
from dataclasses import dataclass

from pvdify.cli import output
from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.client.api import Client
from pvdify.wire.answers import App


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify apps``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify apps:create`` and ``apps:info``."""

    app: str
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show all apps, one line each."""
    found = client.apps()
    if options.as_json:
        io.show_json({"apps": found})
    elif found:
        headers = ("APP", "STATUS", "SINCE", "RELEASE", "IMAGE", "URL")
        # A status without its time says little; what has to go first is in `apps:info`, too.
        io.show(output.table(headers, (_row(app, io) for app in found), least=("IMAGE", "URL")))
    else:
        io.say("no apps yet; the first deploy creates one: pvdify deploy APP --image REF")
    return DONE


def run_create(options: Options, client: Client, io: Io) -> int:
    """Create an app without a release."""
    created = client.create_app(options.app)
    if options.as_json:
        io.show_json(created)
    else:
        io.show(f"{created.name} is created; it will be at {created.url}")
    io.say(f"to put an image live: pvdify deploy {created.name} --image REF")
    return DONE


def run_info(options: Options, client: Client, io: Io) -> int:
    """Show the details of one app."""
    found = client.app(options.app)
    if options.as_json:
        io.show_json(found)
    else:
        io.show(output.facts(_facts(found, io)))
    return DONE


@command("apps", run=run_list, example="pvdify apps --json")
def apps(*, as_json: bool) -> ListOptions:
    """Show all apps with their status.

    STATUS is one word, with its cause: deploying, live, degraded (some instances are up), crashing (restarting
    repeatedly), down (no instance is up), stopped (by a user), maintenance, held (requests wait), or new.
    """
    return ListOptions(as_json=as_json)


@command("apps:create", run=run_create, example="pvdify apps:create myapp")
@app_parameter
def apps_create(*, app: str, as_json: bool) -> Options:
    """Create APP without a release.

    Use it to set the config before the first deploy. The first deploy creates an app that does not exist.
    """
    return Options(app=app, as_json=as_json)


@command("apps:info", run=run_info, example="pvdify apps:info myapp")
@app_parameter
def apps_info(*, app: str, as_json: bool) -> Options:
    """Show one app: its live release, URL, config and processes."""
    return Options(app=app, as_json=as_json)


def _row(app: App, io: Io) -> tuple[str, ...]:
    status, since = output.status(app.status, app.status_cause), moment(app.status_since, io)
    return app.name, status, since, output.version(app.release), app.image or output.NONE, app.url or output.NONE


def _facts(app: App, io: Io) -> Iterator[tuple[str, str]]:
    yield "app", app.name
    yield "environment", app.environment
    since = f" since {moment(app.status_since, io)}" if app.status_since else ""
    yield "status", f"{output.status(app.status, app.status_cause)}{since}"
    yield "url", app.url or output.NONE
    yield "domains", ", ".join(app.domains)
    yield "release", output.version(app.release)
    yield "image", app.image or ""
    for name, process in app.processes.items():
        cpu = "" if process.cpu is None else f", {process.cpu:g} CPU"
        command_text = output.command_text(process.command)
        of_command = f": {command_text}" if command_text else ""
        yield f"process {name}", f"{process.count} × {output.memory(process.memory)}{cpu}{of_command}"
    yield "healthcheck", ", ".join(_setting(key, value) for key, value in app.healthcheck.items() if value)
    yield "created", moment(app.created_at, io)
    yield "updated", moment(app.updated_at, io)


def _setting(key: str, value: object) -> str:
    return f"{key} {value:g}s" if isinstance(value, float) else f"{key} {value}"
