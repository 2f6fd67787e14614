"""Start a container as a test. It needs no image: the machine's own directories of programs are mounted into it."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pvdify.adapters.podman import commands, refusals
from pvdify.adapters.podman.labels import DOCTOR, network_of
from pvdify.adapters.podman.machine_root import link_programs
from pvdify.adapters.podman.networks import isolation
from pvdify.errors import RuntimeUnavailable
from pvdify.installation.doctor import parse
from pvdify.installation.doctor.facts import Trial
from pvdify.installation.machine import Machine
from pvdify.plumbing.command_runner import Argv

MEMORY = 64 * 1024 * 1024
SECONDS = 60.0
NETWORK = (DOCTOR, "trial")  # used instead of a server's id and an app's name
# The first file of the memory limit is that of cgroup v2, the second that of v1.
LOOK = (
    "echo files=$(ulimit -n); "
    "echo memory=$(cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null)"
)


def try_container(machine: Machine, podman: str, port: int) -> Trial:
    """Start a container like an app's: with limits, a network, and a port published on loopback.

    Remove the container and its network afterwards, and restore the jump to the rules that isolate networks: netavark
    may delete it with them.
    """
    met_before = lets_apps_meet(machine)
    try:
        refusal, is_apart = _make_network(machine, podman)
        return Trial(refusal=refusal) if refusal else replace(_try(machine, podman, port), is_apart=is_apart)
    except RuntimeUnavailable as error:
        return Trial(refusal=error.why or error.what)
    finally:
        with suppress(RuntimeUnavailable):
            machine.ask(remove_network_and_trial(podman), within=SECONDS)
            if not met_before and lets_apps_meet(machine):
                for change in isolation.PUT_FIRST:
                    machine.ask(change)


def lets_apps_meet(machine: Machine) -> bool:
    """Return whether the packet filter has rules that isolate networks, and does not use them."""
    try:
        return isolation.lets_apps_meet(machine.ask(isolation.LIST_RULES), machine.ask(isolation.LIST_JUMPS))
    except RuntimeUnavailable:  # without iptables, podman has another way
        return False


def _make_network(machine: Machine, podman: str) -> tuple[str, bool]:
    """Make the network, with isolation if podman has it.

    Return why podman refused, empty if it did not; and whether the network is isolated.
    """
    for is_apart in (True, False):
        done = machine.ask(commands.create_network(podman, *NETWORK, is_isolated=is_apart), within=SECONDS)
        if done.exit_code == 0 or refusals.is_network_there(done):  # left over by a doctor that was killed
            return "", is_apart
        if not refusals.is_isolation_unknown(done):
            break
    return refusals.words_of(done.stderr), False


def _try(machine: Machine, podman: str, port: int) -> Trial:
    with tempfile.TemporaryDirectory(prefix="pvdify-doctor-") as folder:
        rootfs = Path(folder)
        done = machine.ask(run_trial(podman, rootfs, tuple(link_programs(rootfs)), port), within=SECONDS)
    if done.exit_code != 0:
        return Trial(refusal=refusals.words_of(done.stderr))
    return parse.trial(done.stdout)


def remove_network_and_trial(podman: str) -> Argv:
    """Return the command that removes the network, and with it a container that has not ended in time."""
    return (podman, "network", "rm", "--force", network_of(*NETWORK))


def run_trial(podman: str, rootfs: Path, folders: tuple[str, ...], port: int) -> Argv:
    """Return the command that runs LOOK in a container in which these folders of the machine are mounted."""
    return (
        *(podman, "run", "--rm"),
        *("--memory", f"{MEMORY}b", "--memory-swap", f"{MEMORY}b", "--cpus", "0.5", "--pids-limit", "64"),
        *("--security-opt", "no-new-privileges", "--security-opt", "label=disable", "--cap-drop=all"),
        *("--network", network_of(*NETWORK)),
        *("--publish", f"127.0.0.1:{port}:8080"),
        *(f"--volume=/{folder}:/{folder}:ro" for folder in folders),
        *("--rootfs", str(rootfs), "/bin/sh", "-c", LOOK),
    )
