"""``pvdify ps``: show an app's processes and their instances."""

from collections.abc import Iterator
from dataclasses import dataclass

from pvdify.cli import output
from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.cli.moments import moment
from pvdify.client.api import Client
from pvdify.client.endpoint import is_loopback
from pvdify.wire.answers import Instance, Process


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of ``pvdify ps``."""

    app: str
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show every instance, and the wanted number of each process."""
    found = client.process_overview(options.app)
    if options.as_json:
        io.show_json(found)
        return DONE
    if found.status:
        since = f" since {moment(found.status_since, io)}" if found.status_since else ""
        io.show(f"{options.app}: {output.status(found.status, found.status_cause)}{since}")
    if found.processes:
        headers = ("INSTANCE", "STATE", "SLOT", "RELEASE", "PORT", "MEMORY", "CPU", "RESTARTS", "LAST EXIT", "SINCE",
                   "COMMAND")  # fmt: skip
        io.show(output.table(headers, (row for process in found.processes for row in _rows(process, io))))
    else:
        io.say(f"nothing runs yet; the first deploy: pvdify deploy {options.app} --image REF")
    for problem in (it.problem for process in found.processes for it in process.instances if it.problem):
        io.show(output.printable(problem))
    return DONE


@command("ps", run=run, example="pvdify ps myapp")
@app_parameter
def ps(*, app: str, as_json: bool) -> Options:
    """Show the status of APP, its processes and instances.

    Below the table: why an instance cannot be started.
    """
    return Options(app=app, as_json=as_json)


def _rows(process: Process, io: Io) -> Iterator[tuple[str, ...]]:
    command_text = output.command_text(process.command) or "(the image's own)"
    for instance in process.instances:
        yield _row(instance, command_text, io)
    if not process.instances:
        nothing = (output.NONE,) * 8
        state = f"none of {process.count} runs" if process.count else "scaled to 0"
        yield (process.name, state, *nothing, command_text)


def _row(instance: Instance, command_text: str, io: Io) -> tuple[str, ...]:
    return (
        f"{instance.process}.{instance.number}",
        instance.state,
        instance.slot,
        output.version(instance.release),
        _place(instance),
        output.of_limit(output.memory(instance.memory), output.memory(instance.memory_limit)),
        output.of_limit(output.share(instance.cpu), output.share(instance.cpu_limit)),
        str(instance.restarts),
        instance.exit or instance.last_exit or output.NONE,
        moment(instance.started_at, io),
        command_text,
    )


def _place(instance: Instance) -> str:
    """Return the address that gets requests; only the port if it is on the server itself."""
    if instance.host is None or is_loopback(instance.host):
        return output.NONE if instance.port is None else str(instance.port)
    return instance.host if instance.port is None else f"{instance.host}:{instance.port}"
