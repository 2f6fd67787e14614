"""The program that podman starts instead of conmon. It adds an instance's config vars, and then becomes conmon.

podman writes all its facts about a container to its database and to ``config.json``, both on disk, and shows them in
``podman inspect``. So podman never gets the config vars. podman starts this program as conmon, in the instance's
directory on tmpfs. This program copies podman's ``config.json`` with the environment added, and executes conmon with
the copy.

It also blocks the container's connections to the metadata services of clouds, which serve the machine's own
credentials: podman has made the network namespace by now, and the container cannot change its packet filter. If the
container has a user namespace, the OCI runtime makes the network namespace; then this program adds itself to
``config.json`` as a hook, which the OCI runtime runs before it starts the container's program.

If conmon writes to the journal, it also writes to a small file beside the config vars: conmon keeps text without a line
end in its memory, and the journal has it only later.

A command in a running container (``podman exec``) gets the config vars in the same way; then podman passes a file that
describes only the process.

Runs as ``python -IS launch.py CONMON ARGUMENT...``, as a hook ``python -IS launch.py --filter MARK``. Imports few
modules, all from the standard library.
"""

import itertools
import json
import os
import sys

ENVIRONMENT, BUNDLE, CONFIG, STOP_SIGNAL = "environment", "bundle", "config.json", "stop-signal"
OPEN_MARK = "metadata-is-reached"  # a file in the bundle, written if the packet filter could not be set
METADATA = "169.254.0.0/16,100.100.100.200,168.63.129.16"  # link-local: most clouds; Alibaba; Azure's own
ALLOWS_METADATA = "PVDIFY_ALLOWS_METADATA"  # in the environment if the server's settings allow metadata services
FILTER_OPTION = "--filter"
NAME_SERVER_PORT = "53"  # not blocked: some clouds have their name server at the same address
LAST_LINE, LAST_LINE_BEGIN = "last-line.log", "begin\n"  # conmon replaces a full file by one without this first line
LAST_LINE_SIZE = 64 * 1024  # bytes; more than conmon ever keeps in its memory
PROCESS_OPTION, PROCESS, PID_PLACE = "--exec-process-spec", "process.json", "pid-place"
PODMANS_STOP_SIGNAL = "org.opencontainers.image.stopSignal"  # an annotation: the number of the image's STOPSIGNAL


def with_environment(config: dict, environment: dict) -> dict:  # type: ignore[type-arg]
    """Return the OCI configuration with these variables set; they replace variables of the same name."""
    process = config["process"]
    kept = [each for each in process.get("env", ()) if each.partition("=")[0] not in environment]
    added = [f"{name}={value}" for name, value in environment.items()]
    return {**config, "process": {**process, "env": kept + added}}


def enter(conmon: str, arguments: tuple[str, ...]) -> None:
    """Write a copy of the process's file with the environment, record the path of its pid file, and execute conmon."""
    at = arguments.index(PROCESS_OPTION) + 1
    with open(arguments[at], encoding="utf-8") as file:  # noqa: PTH123
        process = json.load(file)
    with open(ENVIRONMENT, encoding="utf-8") as file:  # noqa: PTH123
        environment = json.load(file)
    ours = os.path.abspath(PROCESS)  # noqa: PTH100
    write(ours, json.dumps(with_environment({"process": process}, environment)["process"]))
    write(PID_PLACE, arguments[arguments.index("-p") + 1])
    os.execv(conmon, [conmon, *arguments[:at], ours, *arguments[at + 1 :]])  # noqa: S606


def pid_of_command(directory: str) -> int | None:
    """Return the pid of the command that was started from this directory; None once podman has removed its pid file."""
    try:
        with open(os.path.join(directory, PID_PLACE), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            place = file.read()
        with open(place, encoding="ascii") as file:  # noqa: PTH123
            return int(file.read())
    except (OSError, ValueError):
        return None


def write(path: str, text: str) -> None:
    """Write a file that only root can read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def filter_network(config: dict) -> dict:  # type: ignore[type-arg]
    """Set the packet filter, or return the OCI configuration with a hook that sets it once there is a namespace.

    If the filter cannot be set, leave OPEN_MARK in the bundle.
    """
    spaces = config.get("linux", {}).get("namespaces", ())
    network = next((each for each in spaces if each["type"] == "network"), None)
    mark = os.path.abspath(os.path.join(BUNDLE, OPEN_MARK))  # noqa: PTH100, PTH118
    if network is not None and not network.get("path"):
        return with_filter_hook(config, mark)
    if network is None or not keep_from_metadata(network["path"]):
        write(mark, "")
    return config


def with_filter_hook(config: dict, mark: str) -> dict:  # type: ignore[type-arg]
    """Return the OCI configuration with a hook that runs on the host, before the container's program starts."""
    python, ours = os.path.abspath(sys.executable), os.path.abspath(__file__)  # noqa: PTH100
    hook = {"path": python, "args": [python, "-IS", ours, FILTER_OPTION, mark]}
    hooks = config.get("hooks") or {}
    return {**config, "hooks": {**hooks, "createRuntime": [*hooks.get("createRuntime", ()), hook]}}


def filter_from_hook(mark: str) -> None:
    """Set the packet filter of the container that the OCI runtime describes on stdin; else leave the mark.

    If the container has the host's network namespace, change nothing, because the filter would be the host's.
    """
    theirs = f"/proc/{json.load(sys.stdin)['pid']}/ns/net"
    is_own = os.stat(theirs).st_ino != os.stat("/proc/self/ns/net").st_ino  # noqa: PTH116
    if not is_own or not keep_from_metadata(theirs):
        write(mark, "")


def keep_from_metadata(path: str) -> bool:
    """Reject TCP connections from a network namespace to metadata services; return whether the filter was set."""
    rule = ("OUTPUT", "-p", "tcp", "-d", METADATA, "!", "--dport", NAME_SERVER_PORT)
    argv = (
        "nsenter",
        f"--net={path}",
        "iptables",
        "-w",
        "5",
        "-I",
        *rule,
        "-j",
        "REJECT",
        "--reject-with",
        "tcp-reset",
    )
    null = os.open(os.devnull, os.O_RDWR)
    quiet = [(os.POSIX_SPAWN_DUP2, null, stream) for stream in range(3)]
    environment = {**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        pid = os.posix_spawnp(argv[0], argv, environment, file_actions=quiet)
    except OSError:
        return False
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def last_line_log(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """Begin the file of the last line, and return conmon's arguments for it; without one if it cannot be written.

    conmon must find the file: it exits if it cannot open a log.
    """
    path = os.path.abspath(LAST_LINE)  # noqa: PTH100
    if ("-l", "journald") not in itertools.pairwise(arguments) or ":" in path:
        return ()
    try:
        if os.path.lexists(path):
            os.unlink(path)  # noqa: PTH108
        write(path, LAST_LINE_BEGIN)
    except OSError:
        return ()
    return ("-l", f"k8s-file:{path}", "--log-size-max", str(LAST_LINE_SIZE))


def point_to(link: str, target: str) -> None:
    """Make a symbolic link; replace an existing file."""
    if os.path.lexists(link):
        os.unlink(link)  # noqa: PTH108
    os.symlink(target, link)  # noqa: PTH211


def main(conmon: str, *arguments: str) -> None:
    """Write the bundle and execute conmon. A second ``-b`` is appended; conmon uses the last."""
    if conmon == FILTER_OPTION:
        filter_from_hook(*arguments)
        return
    if PROCESS_OPTION in arguments:
        enter(conmon, arguments)
    theirs = arguments[arguments.index("-b") + 1]
    with open(os.path.join(theirs, CONFIG), encoding="utf-8") as file:  # noqa: PTH118, PTH123 - pathlib is slow to load
        config = json.load(file)
    with open(ENVIRONMENT, encoding="utf-8") as file:  # noqa: PTH123
        environment = json.load(file)
    os.makedirs(BUNDLE, mode=0o700, exist_ok=True)  # noqa: PTH103
    if ALLOWS_METADATA not in os.environ:
        config = filter_network(config)
    write(os.path.join(BUNDLE, CONFIG), json.dumps(with_environment(config, environment)))  # noqa: PTH118
    write(os.path.join(BUNDLE, STOP_SIGNAL), config.get("annotations", {}).get(PODMANS_STOP_SIGNAL, ""))  # noqa: PTH118
    # podman connects to these sockets in its own bundle, and conmon makes them in the last ``-b``
    if "-i" in arguments or "-t" in arguments:
        for name in ("attach", "ctl", "winsz"):
            point_to(os.path.join(theirs, name), os.path.abspath(os.path.join(BUNDLE, name)))  # noqa: PTH100, PTH118
    os.execv(conmon, [conmon, *arguments, "-b", os.path.abspath(BUNDLE), *last_line_log(arguments)])  # noqa: S606, PTH100


if __name__ == "__main__":
    main(*sys.argv[1:])
