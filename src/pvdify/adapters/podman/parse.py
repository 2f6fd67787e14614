"""Parsers of what podman prints; pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pvdify.adapters.podman.labels import APP, PRIVATE, SERVER, VOLUME, Identity
from pvdify.model.foreign_json import parse_json
from pvdify.model.image import LocalImage
from pvdify.model.instance import InstanceState
from pvdify.model.volume import mountable_paths

Document = Mapping[str, Any]
NEVER = "0001-01-01"  # the date that podman prints for a time that is not set
KILLED = 137  # the exit code after SIGKILL
LARGEST_PORT = 65535
LARGEST_IMAGE = 256 * 1024  # characters of what podman knows of an image; those of large, old programs have 60,000
MOST_IMAGE_VOLUMES = 50
_PORT = re.compile(r"[0-9]{1,12}")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}  # `uname -m` -> the name in images
OLDER = {"amd64": ("386",), "arm64": ("arm",)}  # further architectures that a machine can run
_RUNNING = frozenset({"running", "paused", "stopping", "removing"})
_ENDED = frozenset({"exited", "stopped"})


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One container in the output of ``podman ps``."""

    id: str
    identity: Identity
    state: InstanceState
    pid: int
    exit_code: int | None
    started_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """One container in the output of ``podman container inspect``."""

    state: InstanceState
    exit_code: int
    is_out_of_memory: bool
    pid: int
    conmon_pid: int


@dataclass(frozen=True, kw_only=True)
class NamedImage:
    """A stored image and all its names, with tags and with digests."""

    id: str
    names: tuple[str, ...]


def listed(text: str) -> tuple[Listed, ...]:
    """Return the containers in ``podman ps --format json`` that have pvdify's labels. Raises ValueError."""
    found = (_listed(each) for each in _documents(text))
    return tuple(each for each in found if each is not None)


def apps_with_network(text: str, server: str) -> frozenset[str]:
    """Return the apps whose networks are in ``podman network ls --format json``. Raises ValueError."""
    labels = [each.get("labels") or each.get("Labels") or {} for each in _documents(text)]
    return frozenset(each[APP] for each in labels if each.get(SERVER) == server and APP in each)


def network_interfaces(text: str, server: str) -> frozenset[str]:
    """Return the interfaces of this server's networks in ``podman network ls --format json``. Raises ValueError."""
    ours = (each for each in _documents(text) if (each.get("labels") or {}).get(SERVER) == server)
    return frozenset(each["network_interface"] for each in ours if each.get("network_interface"))


def private_networks(text: str, server: str) -> frozenset[str]:
    """Return the ids of the private networks in ``podman network ls --format json``. Raises ValueError."""
    labels = [each.get("labels") or each.get("Labels") or {} for each in _documents(text)]
    return frozenset(each[PRIVATE] for each in labels if each.get(SERVER) == server and PRIVATE in each)


def volumes(text: str, server: str) -> dict[str, str]:
    """Return the apps by volume id from ``podman volume ls --format json``. Raises ValueError."""
    labels = [each.get("Labels") or {} for each in _documents(text)]
    return {each[VOLUME]: each.get(APP, "") for each in labels if each.get(SERVER) == server and VOLUME in each}


def mountpoints(text: str, server: str) -> dict[str, str]:
    """Return the apps by the volumes' directories from ``podman volume ls --format json``. Raises ValueError."""
    found = [(each.get("Labels") or {}, each.get("Mountpoint") or "") for each in _documents(text)]
    return {place: labels.get(APP, "") for labels, place in found if place and labels.get(SERVER) == server}


def manifest(text: str, *, machine: str) -> tuple[int | None, str | None]:
    """Return the bytes of an image's layers and config, or of a list of images the digest for this machine.

    The other value is None; both are None if the manifest has another form.
    """
    try:
        document = parse_json(text)
        if "layers" in document:
            return sum(part["size"] for part in (document["config"], *document["layers"])), None
        wanted = {"os": "linux", "architecture": ARCHITECTURES.get(machine, machine)}
        for entry in document.get("manifests", ()):
            if wanted.items() <= entry.get("platform", {}).items():
                return None, str(entry["digest"])
    except (ValueError, KeyError, TypeError, AttributeError):
        pass  # an old or unknown form
    return None, None


def inspected(text: str) -> Inspected:
    """Return the one container in ``podman container inspect``. Raises ValueError."""
    (document,) = _documents(text)
    state = document["State"]
    was_started = not str(state.get("StartedAt") or NEVER).startswith(NEVER)
    meaning = state_of(str(state["Status"]), was_started=was_started)
    is_lost = meaning is InstanceState.EXITED and str(state["Status"]).lower() not in _ENDED
    return Inspected(
        state=meaning,
        exit_code=KILLED if is_lost else int(state.get("ExitCode") or 0),
        is_out_of_memory=bool(state.get("OOMKilled")),
        pid=int(state.get("Pid") or 0),
        conmon_pid=int(state.get("ConmonPid") or 0),
    )


def state_of(word: str, *, was_started: bool) -> InstanceState:
    """Return the state for podman's word.

    After a power loss podman reports a container that was running as "created". Its state is EXITED.
    """
    if word.lower() in _RUNNING:
        return InstanceState.RUNNING
    if word.lower() in _ENDED or was_started:
        return InstanceState.EXITED
    return InstanceState.CREATED


def local_image(text: str, *, digest: str | None = None) -> LocalImage:
    """Return the image in ``podman image inspect``. ``digest``: the one in the command, if any.

    The author of the image chose its labels, ports and volumes. Raises ValueError, also if there are too many.
    """
    (document,) = _as_list(parse_json(text, largest=LARGEST_IMAGE))
    config = document.get("Config") or {}
    volumes = mountable_paths(config.get("Volumes") or {})
    if len(volumes) > MOST_IMAGE_VOLUMES:
        raise ValueError(f"it declares {len(volumes)} volumes, and {MOST_IMAGE_VOLUMES} are the most")
    return LocalImage(
        image_id=str(document["Id"]).removeprefix("sha256:"),
        digest=digest or str(document.get("Digest") or ""),
        size=int(document.get("Size") or 0),
        exposed_ports=exposed_ports(config.get("ExposedPorts") or {}),
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        architecture=str(document.get("Architecture") or ""),
        volumes=volumes,
    )


def exposed_ports(names: Iterable[str]) -> tuple[int, ...]:
    """Return the sorted TCP ports in names like ``8080/tcp`` and ``8000-8002``. Omits invalid names."""
    ranges = []
    for name in names:
        port, _, protocol = str(name).partition("/")
        first, _, last = port.partition("-")
        if protocol.lower() in ("", "tcp") and _PORT.fullmatch(first) and _PORT.fullmatch(last or first):
            ranges.append((max(1, int(first)), min(LARGEST_PORT, int(last or first))))
    found: list[int] = []
    for begin, end in sorted(ranges):  # each port once, however many ranges have it
        found.extend(range(max(begin, found[-1] + 1 if found else begin), end + 1))
    return tuple(found)


def architecture(machine: str) -> str:
    """Return the name that images use for a machine's architecture: ``amd64`` for ``x86_64``."""
    return ARCHITECTURES.get(machine, machine)


def runs_on(image: str, machine: str) -> bool:
    """Return whether a machine can run an image of this architecture; True if the image names none."""
    return image in ("", machine, *OLDER.get(machine, ()))


def _words(value: Any) -> tuple[str, ...]:
    """Return the words of an ENTRYPOINT or CMD, which some builders write as a single string."""
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value or ())


def named_images(text: str) -> tuple[NamedImage, ...]:
    """Return the images in ``podman images --format json``, each once. Raises ValueError."""
    images = {str(each["Id"]): tuple(each.get("Names") or ()) for each in _documents(text)}
    return tuple(NamedImage(id=id.removeprefix("sha256:"), names=names) for id, names in images.items())


def _listed(document: Document) -> Listed | None:
    identity = Identity.from_labels(document.get("Labels") or {})
    if identity is None:
        return None
    started = int(document.get("StartedAt") or 0)
    word = str(document["State"])
    state = state_of(word, was_started=started > 0)
    code = int(document.get("ExitCode") or 0) if word.lower() in _ENDED else KILLED
    return Listed(
        id=str(document["Id"]),
        identity=identity,
        state=state,
        pid=int(document.get("Pid") or 0),
        exit_code=code if state is InstanceState.EXITED else None,
        started_at=datetime.fromtimestamp(started, UTC) if started > 0 else None,
    )


def _documents(text: str) -> list[Document]:
    return _as_list(json.loads(text or "[]"))


def _as_list(documents: Any) -> list[Document]:
    if not isinstance(documents, list):
        raise ValueError(f"expected a list, got {type(documents).__name__}")
    return documents
