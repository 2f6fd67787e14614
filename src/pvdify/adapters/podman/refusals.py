"""podman's failures as errors, classified by the words that podman writes."""

import errno
import re
from dataclasses import dataclass

from pvdify.errors import NoRoomToStart, RuntimeUnavailable, StartFailed, storage_error
from pvdify.errors.storage import MAKE_ROOM
from pvdify.model.endpoint import NO_ROUTE
from pvdify.model.instance import InstanceSpec
from pvdify.plumbing.command_runner import Completed

LONGEST_WHY = 400  # characters of podman's output that an error quotes
_LOG_LINE = re.compile(r'^time="[^"]*" level=(?P<level>\w+) msg=(?P<message>".*"|\S.*)$')
FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_CAUSES = (
    (FULL, errno.ENOSPC),
    (re.compile(r"too many open files", re.IGNORECASE), errno.EMFILE),
    (re.compile(r"input/output error", re.IGNORECASE), errno.EIO),
)
_NAME_IN_USE = re.compile(r"name .* is already in use|that name is already in use")
_NO_CONTAINER = re.compile(r"no such container|no container with (name or )?id", re.IGNORECASE)
_NO_PROGRAM = re.compile(r"attempted to invoke a command that was not found|failed to exec pid1: No such file", re.I)
_NOT_EXECUTABLE = re.compile(
    r"OCI permission denied|exec format error|failed to exec pid1: (Permission denied|Exec format)", re.I
)
_NO_USER = re.compile(r"unable to find (?P<kind>user|group) (?P<name>[^:\s]+)", re.IGNORECASE)
_TOO_LARGE = re.compile(r"argument list too long", re.IGNORECASE)
_NO_RIGHT = re.compile(r"operation not permitted: OCI|failed to exec pid1: Operation not permitted", re.IGNORECASE)
_RUNTIME_EXEC = re.compile(r"exec \S+: argument list too long$")
_NOT_STARTABLE = re.compile(r"container state improper|container .*already exists")
_DAMAGED_IMAGE = re.compile(r'image with ID "([0-9a-f]{64})" \(consider removing the image')
_NO_NETWORK = re.compile(r"unable to find network|network not found", re.IGNORECASE)
_NETWORK_THERE = re.compile(r"network name \S+ already used|network already exists", re.IGNORECASE)
_NETWORK_IN_USE = re.compile(r"network is being used|has associated containers", re.IGNORECASE)
_CONNECTED = re.compile(r"network is already connected", re.IGNORECASE)
_NOT_CONNECTED = re.compile(r"is not connected to network|network is not connected", re.IGNORECASE)
_NO_ISOLATION = re.compile(r"(unsupported|unknown|invalid).*\bisolate\b", re.IGNORECASE)
_NO_CONNECTION = re.compile(r"netavark|iptables|nftables|plugin type=\"", re.IGNORECASE)
_INIT_MISSING = "container-init binary not found"


def words_of(stderr: str) -> str:
    """Return podman's error messages without prefixes, cut to LONGEST_WHY characters."""
    lines = [_undecorated(line) for line in stderr.strip().splitlines()]
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    text = "; ".join(errors or lines[-3:]) or "it gave no reason"
    return text if len(text) <= LONGEST_WHY else text[: LONGEST_WHY - 1] + "…"


def is_name_in_use(done: Completed) -> bool:
    """Return whether podman failed because another container has the name."""
    return done.exit_code != 0 and says_name_in_use(done.stderr)


def says_name_in_use(words: str) -> bool:
    """Return whether podman's words say that another container has the name."""
    return bool(_NAME_IN_USE.search(words))


def is_container_missing(done: Completed) -> bool:
    """Return whether podman failed because there is no such container."""
    return done.exit_code != 0 and bool(_NO_CONTAINER.search(done.stderr))


def is_not_startable(done: Completed) -> bool:
    """Return whether podman or its OCI runtime failed because it finds the container half running, half stopped."""
    return done.exit_code != 0 and bool(_NOT_STARTABLE.search(done.stderr))


def is_network_missing(done: Completed) -> bool:
    """Return whether podman failed because there is no such network."""
    return done.exit_code != 0 and bool(_NO_NETWORK.search(done.stderr))


def is_network_there(done: Completed) -> bool:
    """Return whether podman failed because the network exists."""
    return done.exit_code != 0 and bool(_NETWORK_THERE.search(done.stderr))


def is_network_in_use(done: Completed) -> bool:
    """Return whether podman failed because a container is on the network."""
    return done.exit_code != 0 and bool(_NETWORK_IN_USE.search(done.stderr))


def is_connected(done: Completed) -> bool:
    """Return whether podman failed because the container is on the network."""
    return done.exit_code != 0 and bool(_CONNECTED.search(done.stderr))


def is_not_connected(done: Completed) -> bool:
    """Return whether podman failed because the container is not on the network."""
    return done.exit_code != 0 and bool(_NOT_CONNECTED.search(done.stderr))


def is_isolation_unknown(done: Completed) -> bool:
    """Return whether podman failed because it has no network isolation."""
    return done.exit_code != 0 and bool(_NO_ISOLATION.search(done.stderr))


def damaged_image(done: Completed) -> str | None:
    """Return the id of a damaged image that made podman fail, or None.

    An image is damaged if podman or the machine stopped while storing it. podman then also fails for other images of
    the same repository.
    """
    found = _DAMAGED_IMAGE.search(done.stderr) if done.exit_code != 0 else None
    return found[1] if found else None


def is_init_missing(done: Completed) -> bool:
    """Return whether podman failed because this host has no init program."""
    return done.exit_code != 0 and says_init_missing(done.stderr)


def says_init_missing(words: str) -> bool:
    """Return whether podman's words say that it has no init program."""
    return _INIT_MISSING in words


def is_exec_failure(text: str) -> bool:
    """Return whether a log line is from the init or the OCI runtime and says that the program could not be executed."""
    return bool("catatonit" in text and "failed to exec" in text) or bool(_RUNTIME_EXEC.match(text))


def unavailable(done: Completed) -> RuntimeUnavailable:
    """Return the error for a failed command that should always succeed."""
    for words, number in _CAUSES:
        if words.search(done.stderr):
            error = OSError(number, "")
            return storage_error(RuntimeUnavailable, "podman cannot do its work on this server", error, next="")
    verb = next((word for word in done.argv[1:] if not word.startswith(("-", "/"))), "")
    return RuntimeUnavailable(
        f"podman cannot do its work on this server (`podman {verb}`)",
        why=words_of(done.stderr),
        next="run `podman info` as root on the server, and correct what it says; running apps keep running",
    )


def start_failed(spec: InstanceSpec, words: str) -> StartFailed:
    """Return the error for a container that was not started. ``words``: podman's or the init program's."""
    what = f"{spec.app} v{spec.slot}: {spec.process}.{spec.number} could not be started"
    if FULL.search(words):
        return NoRoomToStart(what, why=f"no space is left on a disk of the server: {words_of(words)}", next=MAKE_ROOM)
    reason = _reason(spec, words)
    return StartFailed(what, why=reason.why, next=reason.next)


@dataclass(frozen=True, kw_only=True)
class _Reason:
    why: str
    next: str


def _reason(spec: InstanceSpec, words: str) -> _Reason:
    judged = _without_names(spec, words)
    if _NO_PROGRAM.search(judged):
        return _no_program(spec)
    return (
        _of_the_image(spec, judged)
        or _of_the_machine(spec, judged, words)
        or _Reason(why=words, next="correct what the runtime says, then `pvdify deploy` again")
    )


def _without_names(spec: InstanceSpec, words: str) -> str:
    """Return the runtime's words without the command's words, so that a program's name cannot match a message."""
    command = (spec.command,) if isinstance(spec.command, str) else spec.command or ()
    for name in sorted({word for word in command if len(word) > 3}, key=len, reverse=True):
        words = words.replace(name, "_")
    return words


def _of_the_image(spec: InstanceSpec, words: str) -> _Reason | None:
    correct = "then `pvdify deploy` again"
    if match := _NO_USER.search(words):
        return _Reason(
            why=f"the image has no {match['kind']} {match['name']}, which its USER names",
            next=f"add it in the Dockerfile, or use a number (`USER 10001`), {correct}",
        )
    if _TOO_LARGE.search(words):
        size = sum(len(name) + len(value) + 2 for name, value in spec.environment.items())
        return _Reason(
            why=f"the kernel refuses so large a command and environment: {size // 1024} KiB of config vars, and "
            "what the image's ENV adds; one variable may have 128 KiB, all together about 2 MiB",
            next=f"put large values into files, and unset them (`pvdify config:unset {spec.app}`), {correct}",
        )
    if _NO_RIGHT.search(words):
        return _Reason(
            why=f"{_the_program(spec)} may not be executed: it has file capabilities (`getcap`) that containers here "
            "do not get",
            next=f"name them in pvdify.yml, like `capabilities: [NET_RAW]`, or remove them in the image, {correct}",
        )
    return None


def _of_the_machine(spec: InstanceSpec, words: str, said: str) -> _Reason | None:
    if _NOT_EXECUTABLE.search(words):
        return _Reason(
            why=f"{_the_program(spec)} cannot be executed: not marked executable, or made for another kind of machine",
            next="correct the image or the command in pvdify.yml, then `pvdify deploy` again",
        )
    port = "" if spec.exposed is NO_ROUTE else spec.exposed.at.port
    if "address already in use" in words or "port is already allocated" in words:
        return _Reason(
            why=f"something else listens on port {port} of the server",
            next="`pvdify deploy` again: another port is chosen",
        )
    if "image not known" in words or "no such image" in words:
        return _Reason(
            why="its image is not on this server any more",
            next="`pvdify deploy` with the image's name: it is pulled again",
        )
    if "unable to set memory limit" in words or "cannot set memory" in words:
        return _Reason(
            why=f"{spec.limits.memory // 1024} KiB of memory are too little to start a container",
            next="raise resources.memory in pvdify.yml, then `pvdify deploy` again",
        )
    if _NO_CONNECTION.search(words):
        return _Reason(
            why=f"podman cannot connect it to its network: {said}",
            next="`pvdify doctor` on the server tries it, and names what is missing; then `pvdify deploy` again",
        )
    return None


def _no_program(spec: InstanceSpec) -> _Reason:
    if isinstance(spec.command, str):
        return _Reason(
            why="the image has no /bin/sh to run the command with",
            next='write the command as a list in pvdify.yml, like ["/app/server", "--verbose"], then deploy again',
        )
    return _Reason(
        why=f"the image has no {_program(spec)}, or not the interpreter that it names",
        next="correct the command in pvdify.yml or the image's ENTRYPOINT and CMD, then `pvdify deploy` again",
    )


def _program(spec: InstanceSpec) -> str:
    if isinstance(spec.command, str):
        return "/bin/sh"
    return spec.command[0] if spec.command else "program that its ENTRYPOINT or CMD names"


def _the_program(spec: InstanceSpec) -> str:
    return _program(spec) if spec.command else f"the {_program(spec)}"


def _undecorated(line: str) -> str:
    match = _LOG_LINE.match(line)
    if not match:
        return line
    message = match["message"].strip('"').replace('\\"', '"')
    return f"Error: {message}" if match["level"] in ("fatal", "error") else message
