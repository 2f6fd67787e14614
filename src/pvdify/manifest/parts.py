"""The parts of the manifest: every mapping below the top level.

A description is one or two sentences that are understood alone: editors show it, and the reference page and the example
contain it. ``examples`` is what the example shows if the default would explain nothing.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, field_validator, model_validator

from pvdify.manifest.names import CONFIG_KEY
from pvdify.manifest.quantities import Rate, Seconds, unquote_decimal, unquote_whole
from pvdify.manifest.words import (
    MOST_HOOKS,
    AppName,
    Hostname,
    Memory,
    MountPath,
    PreviewService,
    ProcessName,
    Schedule,
    ServiceName,
    TimeZone,
    UrlPath,
    Words,
)

STOP_TIMEOUT = 10.0  # seconds between the stop signal and SIGKILL; the default
OWN_KEYS = "x-"  # prefix of keys that pvdify ignores


class Part(BaseModel):
    """A mapping in the manifest. Unknown keys are problems, except those that begin with ``x-``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    @model_validator(mode="before")
    @classmethod
    def _ignore_own_keys(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        return {key: value for key, value in content.items() if not str(key).startswith(OWN_KEYS)}


class Resources(Part):
    """Limits of one instance."""

    memory: Memory = Field(
        512 * 1024**2,
        description="Memory of one instance. The kernel kills one that uses more; it is started again.",
    )
    cpu: StrictFloat | None = Field(
        None, gt=0, le=256, examples=[0.5], description="CPUs of one instance; 0.5 is half of one. Default: no limit."
    )

    _unquoted = field_validator("cpu", mode="before")(unquote_decimal)


class ProcessType(Part):
    """A named command and how many instances of it run."""

    command: Words | None = Field(
        None,
        examples=["npm start"],
        description="A text is run by the image's /bin/sh, a list is executed. Default: the image's own command.",
    )
    count: StrictInt = Field(1, ge=0, le=100, description="How many instances.")
    resources: Resources | None = Field(
        None, examples=[{"memory": "256M"}], description="Limits of this process. Default: the app's `resources`."
    )
    overlap: StrictBool = Field(
        default=False,
        description="For processes without a route: start the new one before the old one is stopped. "
        "Otherwise two never run at once.",
    )
    affinity: Literal["cookie"] | None = Field(
        None,
        examples=["cookie"],
        description="For `web`: `cookie` keeps each visitor at one instance, for apps with sessions in memory. "
        "Default: each request goes to the instance that is least busy.",
    )

    _unquoted = field_validator("count", mode="before")(unquote_whole)


class Volume(Part):
    """A directory that belongs to the app and outlives its releases."""

    path: MountPath = Field(
        description="Where it is in the container. At its first use it gets the image's files there."
    )
    shared: StrictBool = Field(
        default=False,
        description="Whether several instances, and two releases during a deploy, may use it at the same time. "
        "Otherwise a deploy stops the old release first, and requests wait meanwhile.",
    )
    ephemeral: StrictBool = Field(
        default=False, description="Whether each instance gets an empty one of its own that is removed with it."
    )
    processes: tuple[ProcessName, ...] | None = Field(
        None, min_length=1, examples=[["web", "worker"]], description="Which processes use it. Default: all."
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> "Volume":
        if self.shared and self.ephemeral:
            raise ValueError("shared and ephemeral exclude each other: an ephemeral one belongs to one instance")
        return self

    @property
    def is_exclusive(self) -> bool:
        """Whether two releases, or two instances of one process, must never use the volume at the same time."""
        return not self.shared and not self.ephemeral

    def is_used_by(self, process: str) -> bool:
        """Return whether instances of this process mount the volume."""
        return self.processes is None or process in self.processes


class Backup(Part):
    """The app's own commands around the copy of its volumes for a backup."""

    before: Words | None = Field(
        None,
        examples=["sqlite3 /data/app.db '.backup /data/backup.db'"],
        description="Before the copy, in a container of the live release with the volumes that hooks get: writes a "
        "consistent copy of the data into a volume. The app then keeps working during the copy.",
    )
    after: Words | None = Field(
        None,
        examples=["rm -f /data/backup.db"],
        description="After the copy, whether it succeeded or failed.",
    )

    @property
    def is_set(self) -> bool:
        """Whether the app has its own command that makes its files consistent."""
        return self.before is not None


class Job(Part):
    """A command that runs at set times, each time in a container of its own of the live release."""

    schedule: Schedule = Field(
        description="When it runs, as five cron fields: minute, hour, day of the month, month, day of the week."
    )
    time_zone: TimeZone = Field(
        "UTC",
        examples=["Europe/Berlin"],
        description="The time zone of the schedule. A time that a clock change skips runs right after the change, and "
        "one that comes twice runs once.",
    )
    command: Words = Field(description="A text is run by the image's /bin/sh, a list is executed.")
    timeout: Seconds = Field(3600.0, gt=0, description="How long a run may take; then it is stopped and has failed.")
    overlap: Literal["skip", "queue", "allow"] = Field(
        "skip",
        description="What happens at a due time while the run before it is still running: `skip` it, `queue` it, or "
        "`allow` both at the same time.",
    )
    catch_up: Seconds = Field(
        3600.0,
        le=86400,
        description="How late a run may start, for example after the server was down; later it counts as missed. "
        "A run may always start up to a minute late.",
    )
    resources: Resources | None = Field(
        None, examples=[{"memory": "256M"}], description="Limits of a run. Default: the app's `resources`."
    )


class HealthCheck(Part):
    """How a web instance shows that it is ready."""

    path: UrlPath | None = Field(
        None,
        examples=["/health"],
        description="The page that answers 2xx once the app is ready. Default: /health, where a 404 is fine, too.",
    )
    interval: Seconds = Field(
        5.0,
        gt=0,
        description="The whole check may take this times `retries`. The pause between two probes grows from 50 ms to "
        "this, at most to one second.",
    )
    timeout: Seconds = Field(3.0, gt=0, description="How long one probe may take.")
    retries: StrictInt = Field(10, ge=1, le=1000, description="The whole check may take `interval` times this.")
    start_period: Seconds = Field(
        0.0, description="For apps that take long to boot: added to the time that the whole check may take."
    )
    settle: Seconds = Field(
        0.0,
        description="How long an instance has to stay up after its first healthy answer, and then answer again. "
        "0s: the first answer is enough.",
    )
    host: Hostname | None = Field(
        None,
        examples=["example.com"],
        description="The Host header of the probe. Default: the app's own hostname.",
    )

    @property
    def seconds(self) -> float:
        """The longest time, in seconds, until the first healthy answer."""
        return self.start_period + self.interval * self.retries

    @property
    def limit(self) -> str:
        """The longest time as text, with its calculation."""
        period = f" + start_period {self.start_period:g}s" if self.start_period else ""
        return f"{self.seconds:g} s (interval {self.interval:g}s × retries {self.retries}{period})"

    _unquoted = field_validator("retries", mode="before")(unquote_whole)


class Hooks(Part):
    """The app's own commands at named moments of a deploy, each in a container of the new image with the new config."""

    pre_deploy: tuple[Words, ...] = Field(
        (),
        json_schema_extra={"maxItems": MOST_HOOKS},
        examples=[["npm run migrate"]],
        description="Before any instance of the release gets requests. If one fails, the deploy stops.",
    )
    post_deploy: tuple[Words, ...] = Field(
        (),
        json_schema_extra={"maxItems": MOST_HOOKS},
        examples=[["npm run cache:clear"]],
        description="After the switch. One that fails is reported, and visitors keep the new release.",
    )
    on_failure: tuple[Words, ...] = Field(
        (),
        json_schema_extra={"maxItems": MOST_HOOKS},
        examples=[["npm run notify"]],
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
    def _needs_error_rate(self) -> "Guard":
        if "window" in self.model_fields_set and "max_error_rate" not in self.model_fields_set:
            raise ValueError("max_error_rate is missing, like 5%; without it nothing is watched")
        return self

    @property
    def is_on(self) -> bool:
        """Whether new releases are watched."""
        return self.max_error_rate < 1


class Previews(Part):
    """What previews of this app are like."""

    config_from: AppName | None = Field(
        None, examples=["myapp-staging"], description="The app whose config vars previews get, never a production one."
    )
    close_delay: Seconds = Field(86400.0, description="How long a preview is kept after its pull request was closed.")
    lease: Seconds = Field(604800.0, gt=0, description="How long a preview is kept without news of its pull request.")
    max: StrictInt = Field(10, ge=0, description="How many previews there may be at a time.")
    instances: StrictInt = Field(
        10, ge=1, le=1000, description="How many instances of all processes one preview may have."
    )
    allow_forks: StrictBool = Field(default=False, description="Whether pull requests from forks get previews.")
    fork_label: str = Field(
        "preview", min_length=1, description="The label that gives the pull request of a fork a preview."
    )
    basic_auth: str | None = Field(
        None,
        pattern=f"^{CONFIG_KEY.pattern}$",
        examples=["PREVIEW_LOGIN"],
        description="The config var that holds the `name:password` which visitors of a preview need. Default: none.",
    )
    services: dict[ServiceName, PreviewService] = Field(
        default_factory=dict,
        examples=[{"db": "copy-of myapp-staging"}],
        description="Services that each preview has of its own, by the name that the app knows them by: `fresh` and "
        "empty, or a `copy-of` a service (or of the one of an app), never of production. The preview of a fork gets "
        "fresh ones.",
    )
    on_open: tuple[Words, ...] = Field(
        (),
        json_schema_extra={"maxItems": MOST_HOOKS},
        examples=[["npm run seed"]],
        description="Run before a preview serves for the first time, after `pre_deploy`, such as to fill its services.",
    )
    on_close: tuple[Words, ...] = Field(
        (),
        json_schema_extra={"maxItems": MOST_HOOKS},
        examples=[["npm run report-visits"]],
        description="Run in the live release before a preview is taken away; one that fails is noted and holds up "
        "nothing.",
    )
    jobs: StrictBool = Field(default=False, description="Whether the scheduled jobs run in previews, too.")
    resources: Resources = Field(
        default_factory=lambda: Resources(memory=256 * 1024**2, cpu=0.25), description="Limits of one instance."
    )

    _unquoted = field_validator("max", "instances", mode="before")(unquote_whole)
