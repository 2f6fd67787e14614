"""Builds the instance specs of a release's containers: instances, hooks, job runs and one-off commands. No I/O."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import count, islice

from pvdify.engine.running.environment import ContainerInputs
from pvdify.manifest.definition import Command, Job, Manifest
from pvdify.model.endpoint import NO_ROUTE, Exposed
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.job import JobRun
from pvdify.model.names import WEB, hook_name, instance_name, job_name, name_end
from pvdify.model.release import Release
from pvdify.model.slot import Phase, Placement, Slot
from pvdify.model.volume import Mount

DEFAULT_PORT = 8080
RUN = "run"
ON_FAILURE = "on_failure"


def placements_of(
    app: str,
    slot: int,
    numbers: Mapping[str, Iterable[int]],
    phase: Phase = Phase.UP,
    taken: Collection[str] = (),
) -> tuple[Placement, ...]:
    """Return placements for instances with these numbers of each process, without endpoints.

    ``taken``: names that other instances of the slot have.
    """
    return tuple(
        Placement(
            name=_free_name(app, process, slot, number, taken),
            process=process,
            number=number,
            phase=phase,
        )
        for process, wanted in numbers.items()
        for number in wanted
    )


def _free_name(app: str, process: str, slot: int, number: int, taken: Collection[str]) -> str:
    # Compare only the part after the app's name, which a renaming changes: serials are derived from that part.
    ends = {name_end(name) for name in taken}
    names = (instance_name(app, process, slot, number, generation) for generation in count())
    return next(name for name in names if name_end(name) not in ends)


def next_numbers(slot: Slot, process: str, wanted: int) -> tuple[int, ...]:
    """Return the ``wanted`` lowest numbers that no instance of the process has."""
    taken = {place.number for place in slot.of(process)}
    return tuple(islice((number for number in range(1, len(taken) + wanted + 1) if number not in taken), wanted))


def instance_spec(release: Release, place: Placement, around: ContainerInputs, operation: str) -> InstanceSpec:
    """Return the spec of an instance; ``release`` is the release that started the slot."""
    port, at = release.port or DEFAULT_PORT, place.endpoint
    return replace(
        _spec(release, place.process, place.number, around, mounts_for=place.process),
        name=place.name,
        operation=operation,
        command=release.manifest.processes[place.process].command,
        exposed=NO_ROUTE if at is NO_ROUTE else Exposed(port=port, at=at),
        limits=limits_of(release.manifest, place.process),
    )


def hook_spec(
    release: Release, moment: str, number: int, command: Command, around: ContainerInputs,
    facts: Mapping[str, str], operation: str,
) -> InstanceSpec:  # fmt: skip
    """Return the spec of a hook's container; ``facts`` are additional variables."""
    spec = _spec(release, moment, number, around, {"PVDIFY_IMAGE": release.image, **facts})
    return replace(
        spec,
        name=hook_name(release.app, release.version, moment, number),
        role=Role.HOOK,
        operation=operation,
        command=command,
        mounts=spec.mounts if moment != ON_FAILURE else _without_exclusive(release, spec.mounts),
    )


def job_spec(release: Release, job: Job, run: JobRun, around: ContainerInputs) -> InstanceSpec:
    """Return the spec of the container for a run of a scheduled job."""
    facts = {"PVDIFY_IMAGE": release.image, "PVDIFY_JOB": run.job, "PVDIFY_RUN": str(run.number),
             "PVDIFY_DUE_AT": run.due_at.isoformat() if run.due_at else ""}  # fmt: skip
    spec = _spec(release, run.job, run.number, around, facts)
    return replace(
        spec,
        name=job_name(release.app, run.job, run.number),
        slot=release.slot or release.version,
        role=Role.JOB,
        command=job.command,
        limits=Limits(memory=job.resources.memory, cpu=job.resources.cpu) if job.resources else spec.limits,
    )


def run_spec(release: Release, number: int, command: Command, around: ContainerInputs) -> InstanceSpec:
    """Return the spec of the container for a one-off command."""
    return replace(_spec(release, RUN, number, around), role=Role.RUN, command=command)


def _spec(
    release: Release, process: str, number: int, around: ContainerInputs, facts: Mapping[str, str] | None = None,
    *, mounts_for: str | None = None,
) -> InstanceSpec:  # fmt: skip
    """Return the part of a spec that all containers of a release share. ``mounts_for``: a process (default: main)."""
    own = {
        "PVDIFY_APP": release.app,
        "PVDIFY_RELEASE": str(release.version),
        "PVDIFY_PROCESS": process,
        "PVDIFY_INSTANCE": f"{process}.{number}",
        "PORT": str(release.port or DEFAULT_PORT),
    }
    manifest = release.manifest
    return InstanceSpec(
        name=instance_name(release.app, process, release.version, number),
        app=release.app,
        process=process,
        slot=release.version,
        number=number,
        image_id=release.image_id or "",
        environment=_environment(around, {**own, **(facts or {})}),
        mounts=mounts_of(release, mounts_for or _main_process(manifest), around.volumes),
        networks=around.networks,
        runtime=around.runtime,
        limits=Limits(memory=manifest.resources.memory, cpu=manifest.resources.cpu),
        stop_timeout=manifest.stop_timeout,
        capabilities=manifest.capabilities,
        has_init=manifest.init,
    )


def mounts_of(release: Release, process: str, stored: Mapping[str, str]) -> tuple[Mount, ...]:
    """Return the mounts of a process's instances, ordered by path, so that nested mounts come after outer ones."""
    mounts = (
        Mount(path=volume.path, volume=None if volume.ephemeral else stored.get(name))
        for name, volume in release.volumes.items()
        if volume.is_used_by(process)
    )
    return tuple(sorted(mounts, key=lambda mount: mount.path))


def _without_exclusive(release: Release, mounts: tuple[Mount, ...]) -> tuple[Mount, ...]:
    """Return the mounts without exclusive volumes, which the previous release uses again after a failure."""
    exclusive = {volume.path for volume in release.volumes.values() if volume.is_exclusive}
    return tuple(mount for mount in mounts if mount.path not in exclusive)


def _main_process(manifest: Manifest) -> str:
    """Return the process whose volumes hooks and one-off commands get: web, or else the first one."""
    return WEB if WEB in manifest.processes else next(iter(manifest.processes), WEB)


def limits_of(manifest: Manifest, process: str) -> Limits:
    """Return the memory and CPU limits of one instance of the process."""
    resources = manifest.limits_of(process)
    return Limits(memory=resources.memory, cpu=resources.cpu)


def port_of(manifest: Manifest, exposed: tuple[int, ...]) -> int:
    """Return the port on which the app listens: the manifest's, else the image's only exposed port, else 8080."""
    return manifest.port or (exposed[0] if len(exposed) == 1 else DEFAULT_PORT)


def _environment(around: ContainerInputs, own: Mapping[str, str]) -> dict[str, Secret]:
    values = {name: var.value for name, var in around.config.items()}
    values |= {"PVDIFY_APP_URL": Secret(around.url)} if around.url is not None else {}
    return values | {name: Secret(value) for name, value in own.items()}
