"""The manifest: what an app says of itself in its repository's ``pvdify.yml``.

One definition: validation, defaults and documentation all come from the classes below.
"""

from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pvdify.errors import InvalidError, InvalidManifest
from pvdify.model.names import MOMENTS, PROCESS_NAME, WEB, check_app_name
from pvdify.model.quantities import Bytes, Seconds
from pvdify.model.validation import Path, format_path, problems_of

LONGEST_MANIFEST = 65536
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


def _check_hostname(hostname: str) -> str:
    lowered = hostname.lower().rstrip(".")
    if lowered.startswith("*"):
        raise ValueError("a wildcard cannot be routed to one app; name each hostname")
    try:
        ascii_form = lowered.encode("idna").decode()
    except UnicodeError as error:
        raise ValueError("expected a hostname like www.example.com") from error
    labels = ascii_form.split(".")
    if len(labels) < 2 or not all(label.replace("-", "a").replace("_", "a").isalnum() for label in labels):
        raise ValueError("expected a hostname like www.example.com")
    return ascii_form


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
Hostname = Annotated[str, AfterValidator(_check_hostname)]
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


def parse_manifest(source: str | dict[str, Any]) -> Manifest:
    """Check a manifest's text or content. Raises InvalidManifest with every problem."""
    lines: dict[Path, int] = {}
    if isinstance(source, str):
        source, lines = _load(source)
    content = {key: value for key, value in source.items() if not str(key).startswith("x-")}
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        found = sorted(problems_of(error, _known_keys()), key=lambda item: _line(item[0], lines))
        raise _invalid([f"{_place(path, lines)}{format_path(path)}: {text}" for path, text in found]) from error


def _known_keys() -> dict[Path, tuple[str, ...]]:
    parts: dict[Path, type[BaseModel]] = {
        (): Manifest, ("processes", "*"): ProcessType, ("processes", "*", "resources"): Resources,
        ("healthcheck",): HealthCheck, ("resources",): Resources, ("hooks",): Hooks, ("previews",): Previews,
        ("previews", "resources"): Resources,
    }  # fmt: skip
    return {path: tuple(part.model_fields) for path, part in parts.items()}


def _invalid(problems: list[str]) -> InvalidManifest:
    count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InvalidManifest(
        f"the manifest has {count}", next="correct pvdify.yml and deploy again", details={"problems": problems}
    )


def _load(text: str) -> tuple[dict[str, Any], dict[Path, int]]:
    if len(text.encode()) > LONGEST_MANIFEST:
        raise _invalid([f"it has more than {LONGEST_MANIFEST} bytes"])
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(text, Loader=loader)
        content = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, the C one where it is built
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        raise _invalid([f"{place}{getattr(error, 'problem', None) or error}"]) from error
    if content is None:
        return {}, {}
    if not isinstance(content, dict):
        raise _invalid(["expected a mapping of keys to values at the top"])
    lines: dict[Path, int] = {}
    duplicates: list[str] = []
    _walk(root, (), lines, duplicates)
    if duplicates:
        raise _invalid(duplicates)
    return content, lines


def _walk(node: Any, path: Path, lines: dict[Path, int], duplicates: list[str]) -> None:
    """Note the line of every key; YAML itself would let the last of two equal keys win in silence."""
    if len(path) > 4 or not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        here = (*path, str(key.value))
        line = key.start_mark.line + 1
        if here in lines and lines[here] != line:
            duplicates.append(f"line {line}: {format_path(here)}: stands here a second time")
        lines[here] = line
        _walk(value, here, lines, duplicates)


def _line(path: Path, lines: dict[Path, int]) -> int:
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 0)


def _place(path: Path, lines: dict[Path, int]) -> str:
    line = _line(path, lines)
    return f"line {line}: " if line else ""
