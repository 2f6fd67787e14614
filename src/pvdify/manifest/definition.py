"""The one definition of the manifest: keys, defaults, bounds and what they are for."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pvdify.errors import InvalidError
from pvdify.manifest.names import MOMENTS, PROCESS_NAME, WEB, canonical_hostname, check_app_name
from pvdify.manifest.quantities import Bytes, Seconds

SMALLEST_MEMORY = 6 * 1024 * 1024
Command = str | tuple[str, ...]


def _check_name(name: str) -> str:
    if not PROCESS_NAME.fullmatch(name):
        raise ValueError("a process name has lower-case letters, digits and underscores, and starts with a letter")
    if name in MOMENTS:
        raise ValueError("is the name of a hook, not of a process")
    return name


def _check_app(name: str) -> str:
    try:
        return check_app_name(name)
    except InvalidError as error:
        raise ValueError(error.why) from error


def _check_memory(size: int) -> int:
    if size < SMALLEST_MEMORY:
        raise ValueError("expected at least 6M; containers do not start with less")
    return size


def _check_command(command: Command) -> Command:
    if not command or (isinstance(command, str) and not command.strip()):
        raise ValueError("expected a command, as a text for the shell or a list of words")
    return command


Memory = Annotated[Bytes, AfterValidator(_check_memory)]
ProcessName = Annotated[str, AfterValidator(_check_name)]
Hostname = Annotated[str, AfterValidator(canonical_hostname)]
Words = Annotated[Command, AfterValidator(_check_command)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Resources(_Part):
    """Limits of each instance."""

    memory: Memory = Field(512 * 1024**2, description="memory; the kernel kills an instance that uses more")
    cpu: float | None = Field(None, gt=0, le=256, description="CPUs; 0.5 is half of one; default: no limit")


class ProcessType(_Part):
    """A named command and how many instances of it run."""

    command: Words | None = Field(
        None, description="a text is run by the image's /bin/sh, a list is executed; default: the image's own command"
    )
    count: int = Field(1, ge=0, le=100, description="instances")
    resources: Resources | None = Field(None, description="limits of this process; default: `resources`")
    overlap: bool = Field(
        default=False, description="start the new before the old is stopped (processes without a route)"
    )


class HealthCheck(_Part):
    """How a web instance shows that it is ready."""

    path: str | None = Field(
        None, pattern=r"^/\S*$", description="page that answers 2xx; default: /health, 404 is fine"
    )
    interval: Seconds = Field(5.0, gt=0, description="longest pause between two probes")
    timeout: Seconds = Field(3.0, gt=0, description="how long one probe may take")
    retries: int = Field(10, ge=1, le=1000, description="the whole check may take interval x retries")


class Hooks(_Part):
    """The app's own commands at named moments of a deploy."""

    pre_deploy: tuple[Words, ...] = Field((), description="before anything of the release serves; failing stops it")
    post_deploy: tuple[Words, ...] = Field((), description="after the switch; failing is reported, nothing is undone")
    timeout: Seconds = Field(600.0, gt=0, description="how long one hook may take")


class Previews(_Part):
    """What previews of this app are like."""

    config_from: str | None = Field(None, description="the app whose config vars previews get")
    close_delay: Seconds = Field(86400.0, description="how long a preview outlives its pull request")
    max: int = Field(10, ge=0, description="previews at the same time")
    resources: Resources = Field(default_factory=lambda: Resources(memory=256 * 1024**2, cpu=0.25))


class Manifest(_Part):
    """The whole manifest, every key optional."""

    app: Annotated[str, AfterValidator(_check_app)] | None = Field(None, description="the app's name")
    port: int | None = Field(None, ge=1, le=65535, description="port in the container, set as PORT")
    processes: dict[ProcessName, ProcessType] = Field(default_factory=lambda: {WEB: ProcessType()})
    healthcheck: HealthCheck = Field(default_factory=HealthCheck)
    resources: Resources = Field(default_factory=Resources)
    hooks: Hooks = Field(default_factory=Hooks)
    drain: Seconds = Field(30.0, description="how long requests in flight may take after a switch")
    stop_timeout: Seconds = Field(10.0, description="seconds between SIGTERM and SIGKILL")
    domains: tuple[Hostname, ...] = Field((), description="more hostnames of this app")
    previews: Previews = Field(default_factory=Previews)

    def limits_of(self, process: str) -> Resources:
        """The limits of one process: its own, else the app's."""
        return self.processes[process].resources or self.resources
