"""``pvdify ps``: an app's processes and their instances."""

from collections.abc import Iterator
from dataclasses import dataclass

from pvdify.cli import output
from pvdify.cli.command import app_parameter, command
from pvdify.cli.exit_codes import DONE
from pvdify.cli.io import Io
from pvdify.client.api import Client
from pvdify.wire.answers import Instance, Process


@dataclass(frozen=True, kw_only=True)
class Options:
    """Whose processes."""

    app: str
    as_json: bool


def run(options: Options, client: Client, io: Io) -> int:
    """Show every instance, and how many of each process there should be."""
    found = client.processes(options.app)
    if options.as_json:
        io.show_json({"processes": found})
    elif found:
        headers = ("INSTANCE", "STATE", "SLOT", "RELEASE", "PORT", "MEMORY", "CPU", "RESTARTS", "LAST EXIT", "SINCE",
                   "COMMAND")  # fmt: skip
        io.show(output.table(headers, (row for process in found for row in _rows(process))))
    else:
        io.say(f"nothing runs yet; the first deploy: pvdify deploy {options.app} --image REF")
    return DONE


@command("ps", run=run, example="pvdify ps myapp")
@app_parameter
def ps(*, app: str, as_json: bool) -> Options:
    """Show the processes of APP and their running instances."""
    return Options(app=app, as_json=as_json)


def _rows(process: Process) -> Iterator[tuple[str, ...]]:
    command_text = output.command_text(process.command) or "(the image's own)"
    for instance in process.instances:
        yield _row(instance, command_text)
    if not process.instances:
        nothing = (output.NONE,) * 8
        state = f"none of {process.count} runs" if process.count else "scaled to 0"
        yield (process.name, state, *nothing, command_text)


def _row(instance: Instance, command_text: str) -> tuple[str, ...]:
    return (
        f"{instance.process}.{instance.number}",
        instance.state,
        instance.slot,
        output.version(instance.release),
        output.NONE if instance.port is None else str(instance.port),
        output.of_limit(output.memory(instance.memory), output.memory(instance.memory_limit)),
        output.of_limit(output.share(instance.cpu), output.share(instance.cpu_limit)),
        str(instance.restarts),
        instance.exit or instance.last_exit or output.NONE,
        output.when(instance.started_at),
        command_text,
    )
