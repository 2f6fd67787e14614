"""The definition of the manifest: keys, defaults, bounds and descriptions.

``parts`` defines the nested mappings, ``words`` the types of single values. A description is one or two sentences that
are understood alone: editors show it, and the reference page and the example contain it. ``examples`` is what the
example shows if the default would explain nothing.
"""

from collections.abc import Mapping

from pydantic import Field, StrictBool, StrictInt, field_validator, model_validator

from pvdify.manifest.names import WEB
from pvdify.manifest.parts import (
    OWN_KEYS,
    STOP_TIMEOUT,
    Backup,
    Guard,
    HealthCheck,
    Hooks,
    Job,
    Part,
    Previews,
    ProcessType,
    Resources,
    Volume,
)
from pvdify.manifest.quantities import Seconds, unquote_whole
from pvdify.manifest.words import (
    CAPABILITIES,
    COPY_OF,
    MOST_DOMAINS,
    MOST_HOOKS,
    MOST_JOBS,
    MOST_PREVIEW_SERVICES,
    MOST_PROCESSES,
    MOST_VOLUMES,
    NOT_FOR_VOLUMES,
    AppName,
    Capability,
    Command,
    Hostname,
    JobName,
    ProcessName,
    VolumeName,
)

__all__ = [
    "CAPABILITIES", "COPY_OF", "MOST_HOOKS", "NOT_FOR_VOLUMES", "OWN_KEYS", "Backup", "Command", "Guard", "HealthCheck",
    "Hooks", "Job", "Manifest", "Part", "Previews", "ProcessType", "Resources", "Volume", "most_items", "parts",
    "volume_problems",
]  # fmt: skip


class Manifest(Part):
    """How an app runs; every key is optional."""

    app: AppName | None = Field(
        None, examples=["myapp"], description="The app's name. Its staging and its previews share this file."
    )
    port: StrictInt | None = Field(
        None,
        ge=1,
        le=65535,
        examples=[8080],
        description="Where the app listens inside its container; set as PORT. "
        "Default: the image's only EXPOSEd port, else 8080.",
    )
    processes: dict[ProcessName, ProcessType] = Field(
        default_factory=lambda: {WEB: ProcessType()},
        json_schema_extra={"maxProperties": MOST_PROCESSES},
        examples=[{"web": {"command": "npm start", "count": 2}, "worker": {"command": ["npm", "run", "worker"]}}],
        description="The processes by name. `web` answers the visitors; other processes have no port and no route. "
        "Default: one `web` with the image's own command.",
    )
    healthcheck: HealthCheck = Field(
        default_factory=HealthCheck, description="How pvdify checks that a web instance is ready."
    )
    resources: Resources = Field(
        default_factory=Resources, description="Limits of each instance; a process may have its own."
    )
    hooks: Hooks = Field(
        default_factory=Hooks,
        description="Commands of the app's own, each in a container of the new image with the new config, "
        "and each once per deploy.",
    )
    volumes: dict[VolumeName, Volume] = Field(
        default_factory=dict,
        json_schema_extra={"maxProperties": MOST_VOLUMES},
        examples=[{"data": {"path": "/data", "processes": ["worker"]}, "uploads": {"path": "/srv/up", "shared": True}}],
        description="Directories that outlive releases, by name: a deploy, rollback, restart or crash keeps them. "
        "Hooks and one-off commands get those of `web`.",
    )
    jobs: dict[JobName, Job] = Field(
        default_factory=dict,
        json_schema_extra={"maxProperties": MOST_JOBS},
        examples=[{"report": {"schedule": "0 3 * * *", "time_zone": "Europe/Berlin", "command": "npm run report"}}],
        description="Commands that run at set times, by name, each in a container of the live release with the volumes "
        "that hooks get. Each due time runs once, or is reported as missed or skipped.",
    )
    backup: Backup = Field(
        default_factory=Backup,
        description="Commands that make the files of volumes consistent for a backup. Default: the app's processes "
        "are paused while the last changes are copied.",
    )
    guard: Guard = Field(default_factory=Guard, description="When pvdify rolls a new release back by itself.")
    capabilities: tuple[Capability, ...] = Field(
        (),
        examples=[["NET_RAW"]],
        description="Linux capabilities that the app's programs need besides the usual ones, each one of "
        f"{', '.join(CAPABILITIES)}.",
    )
    drain: Seconds = Field(30.0, description="How long requests in flight may take after a switch; WebSockets end too.")
    timeout: Seconds | None = Field(
        None,
        gt=0,
        le=86400,
        examples=["15m"],
        description="How long an answer may be silent, before it begins and between two parts of it; then the router "
        "ends it. A WebSocket may be silent for an hour, whatever this says. Default: 300s.",
    )
    hold: Seconds = Field(
        30.0,
        le=300,
        description="How long new requests may wait while one release hands over to the next, or the app is paused. "
        "0: they are answered with 503 at once.",
    )
    stop_timeout: Seconds = Field(
        STOP_TIMEOUT,
        description="How long processes may take to finish after the stop signal, before SIGKILL ends them.",
    )
    init: StrictBool = Field(
        default=True,
        description="Whether a small init program runs as process 1 of each container. `false` for images whose own "
        "program has to be process 1. Images that start tini, dumb-init, s6 or systemd are recognized.",
    )
    domains: tuple[Hostname, ...] = Field(
        (),
        json_schema_extra={"maxItems": MOST_DOMAINS},
        examples=[["example.com", "www.example.com"]],
        description="More hostnames of this app, besides its own below the server's base domain.",
    )
    previews: Previews = Field(default_factory=Previews, description="Settings of the previews of pull requests.")

    _unquoted = field_validator("port", mode="before")(unquote_whole)

    @field_validator("processes")
    @classmethod
    def _only_web_has_visitors(cls, processes: dict[str, ProcessType]) -> dict[str, ProcessType]:
        without = [name for name, process in processes.items() if name != WEB and process.affinity is not None]
        if without:
            raise ValueError(
                "; ".join(f"{name} has no visitors, so it can have no affinity; only {WEB} can" for name in without)
            )
        return processes

    @model_validator(mode="after")
    def _volumes_fit_processes(self) -> "Manifest":
        if problems := volume_problems(self.volumes, {name: it.count for name, it in self.processes.items()}):
            raise ValueError("; ".join(problems))
        return self

    def limits_of(self, process: str) -> Resources:
        """Return the limits of one process: its own, or else the app's."""
        return self.processes[process].resources or self.resources


def volume_problems(volumes: Mapping[str, Volume], counts: Mapping[str, int]) -> list[str]:
    """Return the conflicts between the volumes and the instance counts of the processes."""
    problems = []
    paths: dict[str, str] = {}
    for name, volume in volumes.items():
        if volume.path in paths:
            problems.append(f"volumes.{name}.path: {volume.path} is the path of {paths[volume.path]} already")
        paths.setdefault(volume.path, name)
        problems += [
            f"volumes.{name}.processes: there is no process {process}"
            for process in volume.processes or ()
            if process not in counts
        ]
        problems += [
            f"volumes.{name}: {process} has {count} instances, and they would write to the same files at once; "
            "set shared: true if the app is made for that, or count: 1"
            for process, count in counts.items()
            if volume.is_exclusive and count > 1 and volume.is_used_by(process)
        ]
    return problems


def parts() -> dict[tuple[str, ...], type[Part]]:
    """Return the class of every mapping in a manifest by its path; ``*`` stands for a name that users choose."""
    return {
        (): Manifest, ("processes", "*"): ProcessType, ("processes", "*", "resources"): Resources,
        ("healthcheck",): HealthCheck, ("resources",): Resources, ("hooks",): Hooks,
        ("volumes", "*"): Volume, ("jobs", "*"): Job, ("jobs", "*", "resources"): Resources,
        ("backup",): Backup, ("guard",): Guard, ("previews",): Previews, ("previews", "resources"): Resources,
    }  # fmt: skip


def most_items() -> dict[tuple[str, ...], int]:
    """Return the largest number of items of each list and mapping.

    Applies to manifests that are read; stored manifests may be older and longer.
    """
    return {
        ("processes",): MOST_PROCESSES,
        ("hooks", "pre_deploy"): MOST_HOOKS,
        ("hooks", "post_deploy"): MOST_HOOKS,
        ("hooks", "on_failure"): MOST_HOOKS,
        ("previews", "on_open"): MOST_HOOKS,
        ("previews", "on_close"): MOST_HOOKS,
        ("previews", "services"): MOST_PREVIEW_SERVICES,
        ("domains",): MOST_DOMAINS,
        ("volumes",): MOST_VOLUMES,
        ("jobs",): MOST_JOBS,
    }
