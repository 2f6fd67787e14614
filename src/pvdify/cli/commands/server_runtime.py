"""``pvdify server runtime``: show or change the container runtime, and move the apps to it."""

from collections.abc import Iterator
from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DETACHED, DONE, FAILED
from pvdify.cli.io import Io
from pvdify.cli.tables import table
from pvdify.client.api import Client
from pvdify.quantities import format_bytes
from pvdify.wire.answers import CopiedVolume, RuntimeApp, ServerRuntime
from pvdify.wire.requests import ChooseRuntime

PAUSE = 0.5  # seconds between two requests while apps move
CLUSTER = "kubernetes"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify server runtime``. ``name``: None to show the runtime, or to cancel a move."""

    name: str | None
    is_plan: bool
    is_canceling: bool
    is_waiting: bool
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show the runtime or a plan, move the apps, or cancel a move."""
    if options.is_canceling:
        _show(client.cancel_runtime_move(), options, io)
        io.say("apps that have moved stay where they are until their next deploy")
        return DONE
    if options.name is None or options.is_plan:
        found = client.runtime(options.name)
        _show(found, options, io)
        return FAILED if found.obstacle else DONE
    found = client.choose_runtime(ChooseRuntime(runtime=options.name))
    if options.is_waiting:
        try:
            found = _wait(found, client, io)
        except KeyboardInterrupt:
            io.say("it goes on; `pvdify server runtime` shows how far it is, `pvdify server runtime --cancel` ends it")
            return DETACHED
    _show(found, options, io)
    return FAILED if any(app.state in ("failed", "stays") for app in found.apps) else DONE


@command(
    "runtime",
    run=run,
    example="pvdify server runtime\npvdify server runtime systemd --plan\npvdify server runtime systemd\n"
    "pvdify server runtime --cancel",
)
@click.argument("name", metavar="[podman|systemd|kubernetes]", required=False)
@click.option("--plan", "is_plan", is_flag=True, help="Show what would happen, and change nothing.")
@click.option("--cancel", "is_canceling", is_flag=True, help="End a move; apps that have moved stay.")
@click.option("--no-wait", is_flag=True, help="Return at once; the move continues.")
def runtime(*, name: str | None, is_plan: bool, is_canceling: bool, no_wait: bool, as_json: bool) -> Options:
    """Show or change the container runtime.

    New releases run on the runtime that was chosen last. The apps move to it one after the other: a new release that
    repeats the live one starts there, visitors are switched to it, and the old instances drain and stop. Hooks do not
    run again. Where a volume may be used by one release at a time, the router holds requests meanwhile.

    With the setting kubeconfig, apps also move between this machine and the cluster. Their volumes are copied while
    requests wait; the volumes that were copied stay in the trash for 7 days. Apps with links to services stay where
    these are.

    An app that cannot move stays where it is; run the command again to retry. After a restart, pvdifyd continues a
    move.
    """
    if is_canceling and (name or is_plan):
        raise click.UsageError("--cancel goes with neither a runtime nor --plan")
    return Options(
        name=name, is_plan=is_plan, is_canceling=is_canceling, is_waiting=not no_wait, as_json=as_json
    )  # fmt: skip


def _wait(found: ServerRuntime, client: Client, io: Io) -> ServerRuntime:
    """Report each app that has moved or failed, until the move has ended."""
    before = {app.app: app.state for app in found.apps}
    while found.move == "moving":
        client.sleep(PAUSE)
        found = client.runtime()
        for app in found.apps:
            if app.state != before.get(app.app, app.state):
                why = f": {app.problem}" if app.state == "failed" else ""
                io.say(f"{app.app} {'was not moved' if why else f'runs on {app.runtime}'}{why}")
        before = {app.app: app.state for app in found.apps}
    return found


def _show(found: ServerRuntime, options: Options, io: Io) -> None:
    if options.as_json:
        io.show_json(found)
        return
    io.show(output.facts((("runtime", found.runtime), ("target", found.target if options.is_plan else ""),
                          ("move", found.move or ""), ("chosen by", found.chosen_by or ""))))  # fmt: skip
    if found.apps:
        rows = [(app.app, app.runtime, " ".join(app.instances) or "-", _move_of(app)) for app in found.apps]
        io.show(table(("APP", "RUNTIME", "INSTANCES", "MOVE"), rows))
    for line in _notes(found):
        io.say(line)


def _move_of(app: RuntimeApp) -> str:
    """Return what a move does to the app."""
    if app.state == "there":
        return "-"
    if app.state == "stays":
        return f"stays: {app.problem}"
    if app.problem:
        return f"failed: {app.problem}" if app.state == "failed" else f"cannot move now: {app.problem}"
    copied = ", ".join(_shown(it, app) for it in app.copied)
    if not app.instances:
        return f"runs nothing; {f'copies {copied}' if copied else 'its next start is there'}"
    memory = f"needs {format_bytes(app.memory)} of memory meanwhile"
    if copied:
        wait = f"requests wait, at most {app.hold:g} s," if app.hold else "visitors are turned away (503)"
        return f"{wait} while it stops and these are copied: {copied}"
    return f"requests wait for {', '.join(app.held)}; {memory}" if app.held else f"beside the old one; {memory}"


def _shown(volume: CopiedVolume, app: RuntimeApp) -> str:
    """Return the volume with its size, of which a claim in the cluster says only what it reserves."""
    if volume.size is None:
        return volume.name
    return f"{volume.name} ({'at most ' if app.runtime == CLUSTER else ''}{format_bytes(volume.size)})"


def _notes(found: ServerRuntime) -> Iterator[str]:
    if found.obstacle:
        yield f"no app can move to {found.target}: {found.obstacle}"
    if found.runtime != found.setting:
        yield f"the settings file says {found.setting}; the choice of {found.runtime} takes precedence"
    for service in found.services:
        yield f"the service {service} moves when it restarts: pvdify services:restart {service}"
