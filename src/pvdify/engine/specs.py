"""What a release's containers are made from: the one place that turns releases into instance specs."""

from collections.abc import Iterable, Mapping
from itertools import islice

from pvdify.manifest.definition import Command, Manifest
from pvdify.model.config import ConfigVar
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.names import WEB, hook_name, instance_name
from pvdify.model.release import Release
from pvdify.model.slot import Phase, Placement, Slot

DEFAULT_PORT = 8080
RUN = "run"


def placements_of(
    app: str, slot: int, numbers: Mapping[str, Iterable[int]], ports: tuple[int, ...], phase: Phase = Phase.UP
) -> tuple[Placement, ...]:
    """Where instances with these numbers of each process go; the ports are for the web instances, in order."""
    free = iter(ports)
    return tuple(
        Placement(
            name=instance_name(app, process, slot, number),
            process=process,
            number=number,
            host_port=next(free) if process == WEB else None,
            phase=phase,
        )
        for process, wanted in numbers.items()
        for number in wanted
    )


def next_numbers(slot: Slot, process: str, count: int) -> tuple[int, ...]:
    """The lowest numbers that no instance of the process has."""
    taken = {place.number for place in slot.of(process)}
    return tuple(islice((number for number in range(1, len(taken) + count + 1) if number not in taken), count))


def instance_spec(release: Release, place: Placement, config: Mapping[str, ConfigVar], operation: str) -> InstanceSpec:
    """The container for one place of the release that started the slot."""
    own = {
        "PVDIFY_APP": release.app,
        "PVDIFY_RELEASE": str(release.version),
        "PVDIFY_PROCESS": place.process,
        "PVDIFY_INSTANCE": f"{place.process}.{place.number}",
    }
    is_web = place.host_port is not None
    return InstanceSpec(
        name=place.name,
        app=release.app,
        process=place.process,
        slot=release.version,
        number=place.number,
        operation=operation,
        image_id=release.image_id or "",
        command=release.manifest.processes[place.process].command,
        environment=_environment(config, own | {"PORT": str(release.port or DEFAULT_PORT)}),
        port=(release.port or DEFAULT_PORT) if is_web else None,
        host_port=place.host_port,
        limits=limits_of(release.manifest, place.process),
        stop_timeout=release.manifest.stop_timeout,
    )


def hook_spec(
    release: Release, moment: str, number: int, command: Command, config: Mapping[str, ConfigVar],
    facts: Mapping[str, str], operation: str,
) -> InstanceSpec:  # fmt: skip
    """The one-off container for a hook; ``facts`` are more variables for it."""
    own = {"PVDIFY_APP": release.app, "PVDIFY_RELEASE": str(release.version), "PVDIFY_PROCESS": moment,
           "PVDIFY_INSTANCE": f"{moment}.{number}", "PVDIFY_IMAGE": release.image,
           "PORT": str(release.port or DEFAULT_PORT)}  # fmt: skip
    return InstanceSpec(
        name=hook_name(release.app, release.version, moment, number),
        app=release.app,
        process=moment,
        slot=release.version,
        number=number,
        role=Role.HOOK,
        operation=operation,
        image_id=release.image_id or "",
        command=command,
        environment=_environment(config, {**own, **facts}),
        limits=Limits(memory=release.manifest.resources.memory, cpu=release.manifest.resources.cpu),
        stop_timeout=release.manifest.stop_timeout,
    )


def run_spec(release: Release, number: int, command: Command, config: Mapping[str, ConfigVar]) -> InstanceSpec:
    """The one-off container for a command that somebody watches."""
    own = {"PVDIFY_APP": release.app, "PVDIFY_RELEASE": str(release.version), "PVDIFY_PROCESS": RUN,
           "PVDIFY_INSTANCE": f"{RUN}.{number}", "PORT": str(release.port or DEFAULT_PORT)}  # fmt: skip
    return InstanceSpec(
        name=instance_name(release.app, RUN, release.version, number),
        app=release.app,
        process=RUN,
        slot=release.version,
        number=number,
        role=Role.RUN,
        image_id=release.image_id or "",
        command=command,
        environment=_environment(config, own),
        limits=Limits(memory=release.manifest.resources.memory, cpu=release.manifest.resources.cpu),
        stop_timeout=release.manifest.stop_timeout,
    )


def limits_of(manifest: Manifest, process: str) -> Limits:
    """What one instance of the process may use."""
    resources = manifest.limits_of(process)
    return Limits(memory=resources.memory, cpu=resources.cpu)


def port_of(manifest: Manifest, exposed: tuple[int, ...]) -> int:
    """Where the app listens: as the manifest says, else the image's only exposed port, else 8080."""
    return manifest.port or (exposed[0] if len(exposed) == 1 else DEFAULT_PORT)


def _environment(config: Mapping[str, ConfigVar], own: Mapping[str, str]) -> dict[str, Secret]:
    values = {name: var.value for name, var in config.items()}
    return values | {name: Secret(value) for name, value in own.items()}
