"""``pvdify services``, ``services:info`` and ``services:logs``: show services and their logs."""

from dataclasses import dataclass
from itertools import chain

import click

from pvdify.cli import output
from pvdify.cli.command import command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment, until
from pvdify.cli.parameters import WholeNumber
from pvdify.cli.tables import table
from pvdify.client.api import Client
from pvdify.client.events import StreamLost
from pvdify.errors import ServerUnreachable
from pvdify.wire.answers import Service


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """Options of ``pvdify services``."""

    as_json: bool


@dataclass(frozen=True, kw_only=True)
class InfoOptions:
    """Options of ``pvdify services:info``."""

    name: str
    as_json: bool


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Options of ``pvdify services:logs``."""

    name: str
    lines: int
    is_following: bool
    as_json: bool


def run_list(options: ListOptions, client: Client, io: Io) -> int:
    """Show all services."""
    found = client.services()
    if options.as_json:
        io.show_json({"services": found})
    elif found:
        io.show(table(("SERVICE", "IMAGE", "STATE", "APPS", "NOTE"), (_row(it, io) for it in found), least=("NOTE",)))
    else:
        io.say("there are no services; `pvdify services:create db --kind postgres` makes one")
    return DONE


def run_info(options: InfoOptions, client: Client, io: Io) -> int:
    """Show one service."""
    service = client.service(options.name)
    if options.as_json:
        io.show_json(service)
        return DONE
    facts = {
        "name": service.name,
        "kind": service.kind,
        "image": service.image,
        "state": _state(service),
        "since": moment(service.since, io),
        "address": f"{service.name}:{service.port} in the private network of each linked app",
        "volume": f"{service.volume} ({_size(service.size)})" if service.volume else "none",
        "memory": f"{output.memory(service.memory_used)} of {output.memory(service.memory)}",
        "environment": ", ".join(service.variables) or "none",
        "apps": ", ".join(f"{link.app} ({link.variable})" for link in service.links) or "none",
        "made by": f"{service.created_by}, {moment(service.created_at, io)}",
    }
    if service.owner:
        facts["for"] = service.owner
    if service.problem:
        facts["problem"] = service.problem
    if service.failure:
        facts["last failure"] = service.failure
    width = max(map(len, facts))
    io.show("\n".join(f"{name:<{width}}  {text}" for name, text in facts.items()))
    return DONE


def run_logs(options: LogOptions, client: Client, io: Io) -> int:
    """Show the last lines that a service wrote, or follow its log."""
    lines = client.service_lines(options.name, options.lines)
    if options.as_json and not options.is_following:
        io.show_json({"lines": lines})
        return DONE
    try:
        for line in chain(lines, client.follow_service(options.name) if options.is_following else ()):
            if options.as_json:
                io.show_json({"line": line}, is_line=True)
            else:
                io.show(line)
    except StreamLost as lost:
        raise ServerUnreachable(
            f"{options.name}: the log stream was lost", why=lost.why, next="run the same command again"
        ) from lost
    return DONE


@command("services", run=run_list, example="pvdify services")
def services(*, as_json: bool) -> ListOptions:
    """Show all services and the apps that use them."""
    return ListOptions(as_json=as_json)


@command("services:info", run=run_info, example="pvdify services:info db")
@click.argument("name")
def services_info(*, name: str, as_json: bool) -> InfoOptions:
    """Show the service NAME.

    Its image, state, volume, memory and apps.
    The password is not shown; apps get it in their URL, and `pvdify services:connect` uses it.
    """
    return InfoOptions(name=name, as_json=as_json)


@command("services:logs", run=run_logs, example="pvdify services:logs db -n 50\npvdify services:logs db -f")
@click.argument("name")
@click.option("-n", "--num", "lines", type=WholeNumber(0, 10_000), default=100, show_default=True, help="Lines.")
@click.option("-f", "-t", "--follow", "--tail", "is_following", is_flag=True, help="Follow new lines; Ctrl-C ends it.")
def services_logs(*, name: str, lines: int, is_following: bool, as_json: bool) -> LogOptions:
    """Show the logs of the service NAME."""
    return LogOptions(name=name, lines=lines, is_following=is_following, as_json=as_json)


def _row(service: Service, io: Io) -> tuple[str, ...]:
    apps = ", ".join(link.app for link in service.links)
    return service.name, service.image, _state(service), apps, _note(service, io)


def _state(service: Service) -> str:
    return f"{service.state} ({service.doing})" if service.doing else service.state


def _note(service: Service, io: Io) -> str:
    if service.deleted_at is not None:
        return f"in the trash {until(service.deleted_at, io)}"
    return service.problem or service.failure


def _size(count: int | None) -> str:
    return output.size(count) if count is not None else "unknown"
