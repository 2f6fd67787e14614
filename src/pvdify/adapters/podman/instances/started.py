"""A check that a container has started, with its config vars and its program."""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from pvdify.adapters.podman import refusals
from pvdify.adapters.podman.instances import init
from pvdify.adapters.podman.instances.instance_dir import InstanceDir
from pvdify.model.instance import InstanceSpec, LogLine
from pvdify.ports.clock import Clock

LONGEST_WAIT_SECONDS = 5.0  # for the output of a container that has ended
LOOK_EVERY_SECONDS = 0.01

log = structlog.get_logger()


async def check_started(
    spec: InstanceSpec, files: InstanceDir, *, exit_code: int, words: str,
    tail: Callable[[], Awaitable[Sequence[LogLine]]], clock: Clock,
) -> None:  # fmt: skip
    """Raise StartFailed with the reason if the container did not start.

    ``exit_code`` and ``words`` (stderr) are podman's; ``tail`` reads the last lines of the container's log.
    """
    if exit_code != 0:
        raise refusals.start_failed(spec, refusals.words_of(words))
    if not files.was_launched:
        said = refusals.words_of(words) if words else "podman did not use it"
        raise refusals.start_failed(spec, f"config vars could not be passed in the place of conmon: {said}")
    if files.reaches_metadata:
        log.warning(
            "container.reaches_metadata", app=spec.app, name=spec.name,
            why="its packet filter could not be set with `nsenter` and `iptables`",
            next="install both, or set `metadata_services = allowed` where no cloud has such a service",
        )  # fmt: skip
    # with an init as process 1, podman does not notice that the program itself could not be executed
    if files.pid is None or await init.wait_for_program(files.pid, clock):
        return
    for line in await _first_lines(files, tail, clock):
        if refusals.is_exec_failure(line.text):
            raise refusals.start_failed(spec, line.text)


async def _first_lines(
    files: InstanceDir, tail: Callable[[], Awaitable[Sequence[LogLine]]], clock: Clock
) -> Sequence[LogLine]:
    """Return the lines of a container that has ended; wait for them while its conmon may still write them."""
    deadline = clock.monotonic() + LONGEST_WAIT_SECONDS
    while True:
        is_complete = not files.is_watched or clock.monotonic() > deadline
        lines = await tail()
        if lines or is_complete:
            return lines
        await clock.sleep(LOOK_EVERY_SECONDS)
