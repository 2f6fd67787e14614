"""The one definition of the manifest: keys, defaults, bounds, and what each is for.

A description is a sentence or two that stand alone: editors show it, the reference page and the example print it.
``examples`` holds what the example shows where the default would teach nothing.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pvdify.errors import InvalidError
from pvdify.manifest.names import CONFIG_KEY, MOMENTS, PROCESS_NAME, WEB, canonical_hostname, check_app_name
from pvdify.manifest.quantities import Bytes, Rate, Seconds

OWN_KEYS = "x-"  # keys that begin so are the reader's own
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


def _check_path(path: str) -> str:
    if not path.startswith("/") or any(character.isspace() for character in path):
        raise ValueError("expected a path like /health")
    return path


AppName = Annotated[str, AfterValidator(_check_app)]
Memory = Annotated[Bytes, AfterValidator(_check_memory)]
ProcessName = Annotated[str, AfterValidator(_check_name)]
Hostname = Annotated[str, AfterValidator(canonical_hostname)]
Words = Annotated[Command, AfterValidator(_check_command)]
UrlPath = Annotated[str, AfterValidator(_check_path)]


class Part(BaseModel):
    """A mapping in the manifest: unknown keys are problems, but for those that begin with ``x-``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    @model_validator(mode="before")
    @classmethod
    def _leave_own_keys_alone(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if not str(key).startswith(OWN_KEYS)}


class Resources(Part):
    """Limits of one instance."""

    memory: Memory = Field(
        512 * 1024**2,
        description="Memory of one instance. The kernel kills one that uses more; it is started again.",
    )
    cpu: float | None = Field(
        None, gt=0, le=256, examples=[0.5], description="CPUs of one instance; 0.5 is half of one. Default: no limit."
    )


class ProcessType(Part):
    """A named command and how many instances of it run."""

    command: Words | None = Field(
        None,
        examples=["npm start"],
        description="A text is run by the image's /bin/sh, a list is executed. Default: the image's own command.",
    )
    count: int = Field(1, ge=0, le=100, description="How many instances.")
    resources: Resources | None = Field(
        None, examples=[{"memory": "256M"}], description="Limits of this process. Default: the app's `resources`."
    )
    overlap: bool = Field(
        default=False,
        description="For processes without a route: start the new one before the old one is stopped. "
        "Otherwise two never run at once.",
    )


class HealthCheck(Part):
    """How a web instance shows that it is ready."""

    path: UrlPath | None = Field(
        None,
        examples=["/health"],
        description="The page that answers 2xx once the app is ready. Default: /health, where a 404 is fine, too.",
    )
    interval: Seconds = Field(5.0, gt=0, description="Longest pause between two probes; the first come quickly.")
    timeout: Seconds = Field(3.0, gt=0, description="How long one probe may take.")
    retries: int = Field(10, ge=1, le=1000, description="The whole check may take `interval` times `retries`.")


class Hooks(Part):
    """The app's own commands at named moments of a deploy, each in a container of the new image with the new config."""

    pre_deploy: tuple[Words, ...] = Field(
        (),
        examples=[["npm run migrate"]],
        description="Before anything of the release serves. One that fails stops the deploy.",
    )
    post_deploy: tuple[Words, ...] = Field(
        (),
        examples=[["npm run cache:clear"]],
        description="After the switch. One that fails is reported, and visitors keep the new release.",
    )
    on_failure: tuple[Words, ...] = Field(
        (),
        examples=[["npm run tell-us"]],
        description="After a deploy that failed was put back. PVDIFY_FAILURE has the error's code, "
        "PVDIFY_FAILED_STEP the step.",
    )
    timeout: Seconds = Field(600.0, gt=0, description="How long each hook may take; then it is killed and has failed.")


class Guard(Part):
    """What a new release may get wrong before it is taken back."""

    window: Seconds = Field(60.0, gt=0, le=3600, description="How long a new release is watched after its switch.")
    max_error_rate: Rate = Field(
        1.0,
        examples=["5%"],
        description="The share of requests that may be answered with 5xx. Beyond it, and clearly worse than before, "
        "pvdify switches back by itself. 100%: not watched.",
    )

    @model_validator(mode="after")
    def _says_how_much(self) -> "Guard":
        if "window" in self.model_fields_set and "max_error_rate" not in self.model_fields_set:
            raise ValueError("max_error_rate is missing, like 5%; without it nothing is watched")
        return self

    @property
    def is_on(self) -> bool:
        """Whether releases are watched at all."""
        return self.max_error_rate < 1


class Previews(Part):
    """What previews of this app are like."""

    config_from: AppName | None = Field(
        None, examples=["myapp-staging"], description="The app whose config vars previews get, never a production one."
    )
    close_delay: Seconds = Field(86400.0, description="How long a preview outlives its pull request.")
    lease: Seconds = Field(604800.0, gt=0, description="How long a preview lives without any sign of its pull request.")
    max: int = Field(10, ge=0, description="How many previews there may be at a time.")
    allow_forks: bool = Field(default=False, description="Whether pull requests from forks get previews.")
    fork_label: str = Field(
        "preview", min_length=1, description="The label that gives the pull request of a fork a preview."
    )
    basic_auth: str | None = Field(
        None,
        pattern=f"^{CONFIG_KEY.pattern}$",
        examples=["PREVIEW_LOGIN"],
        description="The config var that holds the `name:password` which visitors of a preview need. Default: none.",
    )
    resources: Resources = Field(
        default_factory=lambda: Resources(memory=256 * 1024**2, cpu=0.25), description="Limits of one instance."
    )


class Manifest(Part):
    """How an app runs; every key is optional."""

    app: AppName | None = Field(
        None, examples=["myapp"], description="The app's name. Its staging and its previews share this file."
    )
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        examples=[8080],
        description="Where the app listens inside its container; set as PORT. "
        "Default: the image's only EXPOSEd port, else 8080.",
    )
    processes: dict[ProcessName, ProcessType] = Field(
        default_factory=lambda: {WEB: ProcessType()},
        examples=[{"web": {"command": "npm start", "count": 2}, "worker": {"command": ["npm", "run", "worker"]}}],
        description="The processes by name. `web` gets the visitors; any other has no port and no route. "
        "Default: one `web` with the image's own command.",
    )
    healthcheck: HealthCheck = Field(
        default_factory=HealthCheck, description="How a web instance shows that it is ready."
    )
    resources: Resources = Field(
        default_factory=Resources, description="Limits of each instance; a process may have its own."
    )
    hooks: Hooks = Field(
        default_factory=Hooks,
        description="Commands of the app's own, each in a container of the new image with the new config, "
        "and each once per deploy.",
    )
    guard: Guard = Field(default_factory=Guard, description="When a new release is taken back by itself.")
    drain: Seconds = Field(30.0, description="How long requests in flight may take after a switch.")
    stop_timeout: Seconds = Field(10.0, description="Time between SIGTERM and SIGKILL.")
    domains: tuple[Hostname, ...] = Field(
        (),
        examples=[["example.com", "www.example.com"]],
        description="More hostnames of this app, besides its own below the server's base domain.",
    )
    previews: Previews = Field(default_factory=Previews, description="What previews of pull requests are like.")

    def limits_of(self, process: str) -> Resources:
        """The limits of one process: its own, else the app's."""
        return self.processes[process].resources or self.resources


def parts() -> dict[tuple[str, ...], type[Part]]:
    """Every mapping of a manifest by its path; the name of a process as ``*``."""
    return {
        (): Manifest, ("processes", "*"): ProcessType, ("processes", "*", "resources"): Resources,
        ("healthcheck",): HealthCheck, ("resources",): Resources, ("hooks",): Hooks,
        ("guard",): Guard, ("previews",): Previews, ("previews", "resources"): Resources,
    }  # fmt: skip
