"""The types of single values in a manifest, and the largest number of each."""

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from pvdify.errors import InvalidError
from pvdify.manifest.names import (
    APP_NAME,
    MOMENTS,
    PROCESS_NAME,
    SERVICE_NAME,
    VOLUME_NAME,
    canonical_hostname,
    check_app_name,
    unusable_in_command,
)
from pvdify.manifest.quantities import Bytes
from pvdify.manifest.schedules import check_schedule, check_time_zone

# Capabilities that some programs require and that give no control over the server or its other apps.
CAPABILITIES = ("AUDIT_WRITE", "IPC_LOCK", "NET_RAW", "SETFCAP", "SETPCAP", "SYS_CHROOT", "SYS_NICE")
SMALLEST_MEMORY = 6 * 1024 * 1024
MOST_PROCESSES = 20
MOST_HOOKS = 20  # for each kind of hook
MOST_DOMAINS = 100
MOST_VOLUMES = 20
MOST_JOBS = 20
MOST_PREVIEW_SERVICES = 5
FRESH, COPY_OF = "fresh", "copy-of "
LONGEST_PATH = 255
NOT_FOR_VOLUMES = ("/dev", "/proc", "/sys")  # file systems of the kernel
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
    for text in (command,) if isinstance(command, str) else command:
        if why := unusable_in_command(text):
            raise ValueError(why)
    return command


def _check_volume_name(name: str) -> str:
    if not VOLUME_NAME.fullmatch(name):
        raise ValueError("a volume name has at most 30 lower-case letters, digits and dashes, and starts with a letter")
    return name


def _check_mount_path(path: str) -> str:
    parts = PurePosixPath(path).parts
    is_plain = path.isprintable() and len(path) <= LONGEST_PATH and not set(path) & set(":,")
    if not path.startswith("/") or path.startswith("//") or ".." in parts or not is_plain:
        raise ValueError("expected the full path of a directory in the container, like /data")
    if len(parts) == 1 or f"/{parts[1]}" in NOT_FOR_VOLUMES:
        raise ValueError("cannot be a volume: the container needs what is there; choose a directory like /data")
    return str(PurePosixPath(path))


def _check_job_name(name: str) -> str:
    if not PROCESS_NAME.fullmatch(name):
        raise ValueError("a job name has lower-case letters, digits and underscores, and starts with a letter")
    return name


def _check_path(path: str) -> str:
    if not path.startswith("/") or any(character.isspace() for character in path):
        raise ValueError("expected a path like /health")
    return path


def _check_capability(name: str) -> str:
    found = name.upper().removeprefix("CAP_")
    if found not in CAPABILITIES:
        raise ValueError(f"expected one of {', '.join(CAPABILITIES)}; apps cannot have any other")
    return found


AppName = Annotated[str, AfterValidator(_check_app)]
Memory = Annotated[Bytes, AfterValidator(_check_memory)]
ProcessName = Annotated[str, AfterValidator(_check_name)]
Hostname = Annotated[str, AfterValidator(canonical_hostname)]


def _check_service_name(name: str) -> str:
    if not SERVICE_NAME.fullmatch(name):
        raise ValueError("a service's name has 2 to 30 lower-case letters, digits and single dashes")
    return name


def _check_preview_service(how: str) -> str:
    name = how.removeprefix(COPY_OF)
    if how != FRESH and (name == how or not APP_NAME.fullmatch(name)):
        raise ValueError(f"expected `{FRESH}`, or `{COPY_OF}NAME` with the name of a service or an app")
    return how


Words = Annotated[Command, AfterValidator(_check_command)]
VolumeName = Annotated[str, AfterValidator(_check_volume_name)]
MountPath = Annotated[str, AfterValidator(_check_mount_path)]
JobName = Annotated[str, AfterValidator(_check_job_name)]
Schedule = Annotated[str, AfterValidator(check_schedule)]
TimeZone = Annotated[str, AfterValidator(check_time_zone)]
Capability = Annotated[str, AfterValidator(_check_capability)]
UrlPath = Annotated[str, AfterValidator(_check_path)]
ServiceName = Annotated[str, AfterValidator(_check_service_name)]
PreviewService = Annotated[str, AfterValidator(_check_preview_service)]
