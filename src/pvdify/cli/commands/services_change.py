"""``pvdify services:restart``, ``:upgrade``, ``:rotate``, ``:destroy`` and ``:restore``."""

from collections.abc import Callable
from dataclasses import dataclass

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DETACHED, DONE
from pvdify.cli.io import Io
from pvdify.cli.waiting_for_service import wait_for
from pvdify.client.api import Client
from pvdify.errors import ServiceNotFound
from pvdify.wire.answers import Service, ServicePlan

_PAUSE = 0.3
_no_wait = click.option("--no-wait", is_flag=True, help="Return at once; the operation continues.")


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """Options of ``services:restart``, ``services:rotate`` and ``services:restore``; ``verb`` is one of these words."""

    name: str
    verb: str
    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class UpgradeOptions:
    """Options of ``pvdify services:upgrade``. ``is_plan``: only show what would happen."""

    name: str
    image: str
    is_plan: bool
    is_waiting: bool
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class DestroyOptions:
    """Options of ``pvdify services:destroy``. ``confirm``: the name a second time; None: ask for it."""

    name: str
    confirm: str | None
    purges: bool
    is_waiting: bool
    as_json: bool


def run_change(options: ChangeOptions, client: Client, io: Io) -> int:
    """Restart, rotate or restore the service."""
    name = options.name

    def ask() -> Service:
        return client.change_service(name, options.verb)

    done = {"restart": "restarted", "rotate": "has a new password", "restore": "is back"}[options.verb]
    return _finish(name, ask, f"{name} {done}", options, client, io)


def run_upgrade(options: UpgradeOptions, client: Client, io: Io) -> int:
    """Replace the service's image, or show what that would do."""
    name, image = options.name, options.image
    if options.is_plan:
        return _show_plan(client.plan_service_upgrade(name, image), options, io)
    before = client.service(name)

    def ask() -> Service:
        return client.upgrade_service(name, image)

    code = _finish(name, ask, f"{name} runs {image}", options, client, io)
    if code == DONE and options.is_waiting:
        kept = "; its old volume is in the trash for 7 days" if before.volume else ""
        io.say(f"before: {before.image}{kept}")
    return code


def run_destroy(options: DestroyOptions, client: Client, io: Io) -> int:
    """Stop a service and move its data to the trash. Raises click.UsageError."""
    name = options.name
    confirmed = options.confirm if options.confirm is not None else _ask(name, io)
    if confirmed != name:
        raise click.UsageError(f'"{confirmed}" is not {name}: nothing was destroyed')
    client.destroy_service(name, name, purges=options.purges)
    try:
        while options.is_waiting and _is_there(name, client):
            client.sleep(_PAUSE)
    except KeyboardInterrupt:
        return DETACHED
    status = "deleted" if options.purges else "in the trash"
    if options.as_json:
        io.show_json({"name": name, "status": status})
    else:
        io.show(f"the service {name} is destroyed; its data is {status}")
    if not options.purges:
        io.say(f"undo, for 7 days: pvdify services:restore {name}")
    return DONE


@command("services:restart", run=run_change, example="pvdify services:restart db")
@click.argument("name")
@_no_wait
def services_restart(*, name: str, no_wait: bool, as_json: bool) -> ChangeOptions:
    """Restart the service NAME.

    Apps lose their connections; the address stays the same.
    """
    return ChangeOptions(name=name, verb="restart", is_waiting=not no_wait, as_json=as_json)


@command("services:rotate", run=run_change, example="pvdify services:rotate db && pvdify deploy myapp")
@click.argument("name")
@_no_wait
def services_rotate(*, name: str, no_wait: bool, as_json: bool) -> ChangeOptions:
    """Give the service NAME a new password.

    The old password is refused at once.
    Open connections continue. Linked apps get the new URL with their next deploy, so deploy them at once: until then
    their new connections fail.
    """
    return ChangeOptions(name=name, verb="rotate", is_waiting=not no_wait, as_json=as_json)


@command("services:restore", run=run_change, example="pvdify services:restore db")
@click.argument("name")
@_no_wait
def services_restore(*, name: str, no_wait: bool, as_json: bool) -> ChangeOptions:
    """Restore the service NAME from the trash.

    It has its data and password; link its apps again.
    """
    return ChangeOptions(name=name, verb="restore", is_waiting=not no_wait, as_json=as_json)


@command(
    "services:upgrade", run=run_upgrade,
    example="pvdify services:upgrade db --image docker.io/library/postgres:17 --plan",
)  # fmt: skip
@click.argument("name")
@click.option("-i", "--image", metavar="REF", required=True, help="The new image.")
@click.option("--plan", "is_plan", is_flag=True, help="Show what would happen, and change nothing.")
@_no_wait
def services_upgrade(*, name: str, image: str, is_plan: bool, no_wait: bool, as_json: bool) -> UpgradeOptions:
    """Replace the image of the service NAME.

    Apps cannot connect meanwhile.
    The new container gets a copy of the data; a new major version of PostgreSQL gets the data from a dump. If the new
    container does not answer, the old one runs again, with its unchanged data.
    """
    return UpgradeOptions(name=name, image=image, is_plan=is_plan, is_waiting=not no_wait, as_json=as_json)


@command("services:destroy", run=run_destroy, example="pvdify services:destroy db --confirm db")
@click.argument("name")
@click.option("-c", "--confirm", metavar="NAME", help="Repeat the service's name; a terminal prompts for it.")
@click.option("--purge", "purges", is_flag=True, help="Delete its data at once; it cannot be restored.")
@_no_wait
def services_destroy(
    *, name: str, confirm: str | None, purges: bool, no_wait: bool, as_json: bool
) -> DestroyOptions:  # fmt: skip
    """Move the service NAME to the trash.

    Its data and password stay there for 7 days (the setting `trash`). Refused while an app is linked to it.
    """
    return DestroyOptions(name=name, confirm=confirm, purges=purges, is_waiting=not no_wait, as_json=as_json)


def _finish(
    name: str, ask: Callable[[], Service], done: str, options: ChangeOptions | UpgradeOptions, client: Client, io: Io
) -> int:
    service = ask()
    if options.is_waiting:
        try:
            service = wait_for(name, client, io)
        except KeyboardInterrupt:
            io.say(f"it continues; `pvdify services:info {name}` shows its progress")
            return DETACHED
    if options.as_json:
        io.show_json(service)
    else:
        io.show(done if options.is_waiting else f"asked for; `pvdify services:info {name}` shows how far it is")
    if isinstance(options, ChangeOptions) and options.verb == "rotate" and service.links:
        apps = " && ".join(f"pvdify deploy {link.app}" for link in service.links)
        io.say(f"the old password is refused from now on. Apps get the new one with a deploy: {apps}")
    return DONE


def _show_plan(plan: ServicePlan, options: UpgradeOptions, io: Io) -> int:
    if options.as_json:
        io.show_json(plan)
        return DONE
    size = f" ({output.size(plan.size)})" if plan.size is not None else ""
    io.show(f"{plan.service}{size}: {plan.image} -> {plan.new_image}")
    for number, step in enumerate(plan.how, start=1):
        io.show(f"  {number}. {step}")
    io.show(f"without it meanwhile: {', '.join(plan.apps) or 'no app'}")
    return DONE


def _is_there(name: str, client: Client) -> bool:
    try:
        client.service(name)
    except ServiceNotFound:
        return False
    return True


def _ask(name: str, io: Io) -> str:
    if not io.is_stdin_terminal:
        raise click.UsageError(f"to destroy {name}, say its name once more: --confirm {name}")
    return io.ask(f"{name} will be stopped and its data moved to the trash.\nType its name to destroy it: ")
