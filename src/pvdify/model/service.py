"""Services: containers that are kept, not released, such as a database beside an app."""

import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from pvdify.errors import InvalidError
from pvdify.manifest.names import SERVICE_NAME
from pvdify.model.config import ConfigVar
from pvdify.model.instance import InstanceSpec, Limits, Role, Secret
from pvdify.model.names import instance_name
from pvdify.model.private_network import PrivateNetwork
from pvdify.model.secret_forms import refusal_of
from pvdify.model.service_kinds import KINDS, Kind
from pvdify.model.volume import Mount

PREFIX = "service--"  # no app's name has two dashes in a row
VERSION, VERSION_MEMORY = "version", 128 * 1024**2  # of the container that says the version of a program
PROCESS = "service"
PASSWORD = "password"  # noqa: S105 - the name of the value in the vault
PASSWORD_LENGTH = 32
FROM_BACKUP = "backup:"  # what ``copy_of`` begins with for a service that is filled from a backup
_MAJOR = re.compile(r"(\d+)(?:\.\d+)*")


class ServiceState(Enum):
    """What a service is doing. ``DOWN``: it should run and does not answer."""

    STARTING = "starting"
    LIVE = "live"
    DOWN = "down"
    UPGRADING = "upgrading"
    TRASH = "trash"


class OrderKind(Enum):
    """What was asked for and is not done yet."""

    RESTART = "restart"
    ROTATE = "rotate"
    RESTORE = "restore"
    UPGRADE = "upgrade"
    DESTROY = "destroy"


@dataclass(frozen=True, kw_only=True)
class Order:
    """Work on a service that outlives the daemon.

    ``image``: of an upgrade. ``volume`` and ``generation``: what the upgrade has made, so that it can be taken back.
    ``version``: the config version with the new password of a rotation. ``purges``: deletes the data at once.
    ``backup``: the id of the backup that a restore is from, and ``source`` that of the service in it.
    """

    kind: OrderKind
    by: str
    image: str = ""
    volume: str = ""
    generation: int = 0
    version: int = 0
    purges: bool = False
    backup: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service.

    ``id`` is never used again; the name is, once the service is in the trash. ``volume``: the id of its storage, empty
    for a service that keeps nothing. ``problem``: why it is down. ``pending``: what is being done to it; ``failure``:
    why the last thing that was asked of it was not done. ``generation``: its containers are numbered.
    ``config_version``: where its password and environment are in the vault. ``owner``: the preview that it was made
    for. ``copy_of``: the id of the service whose data it starts with, or ``backup:BACKUP:ID`` for what a backup has of
    one; empty once it has it. ``data_name``: after which its user and database are called, if not after itself: they
    came with the data of another one.
    """

    id: str
    name: str
    kind: str
    image: str
    image_id: str = ""
    digest: str = ""
    port: int
    path: str
    volume: str
    url: str
    memory: int
    config_version: int
    generation: int = 1
    state: ServiceState = ServiceState.STARTING
    since: datetime
    problem: str = ""
    failure: str = ""
    pending: Order | None = None
    owner: str = ""
    copy_of: str = ""
    data_name: str = ""
    created_at: datetime
    created_by: str
    trashed_at: datetime | None = None
    trashed_by: str = ""

    @property
    def key(self) -> str:
        """What stands for an app in the names of its container, network, logs and config files."""
        return f"{PREFIX}{self.name}"

    @property
    def row(self) -> Kind:
        """What is known of its kind."""
        return KINDS[self.kind]

    @property
    def container(self) -> str:
        """The name of its container."""
        return container_name(self, self.generation)

    @property
    def is_trashed(self) -> bool:
        """Whether it was destroyed and its data is still there."""
        return self.state is ServiceState.TRASH

    @property
    def is_busy(self) -> bool:
        """Whether something is being done to it that must end first."""
        return self.pending is not None or bool(self.copy_of)

    def at(self, state: ServiceState, now: datetime, problem: str = "") -> "Service":
        """The service in this state, since now unless it was in it before."""
        return replace(self, state=state, since=self.since if state is self.state else now, problem=problem)


@dataclass(frozen=True, kw_only=True)
class ServiceLink:
    """An app that may reach a service. ``variable``: what the URL is called in the app's environment."""

    service: str
    app: str
    variable: str
    hostname: str
    subnet: str
    created_at: datetime
    created_by: str

    @property
    def network(self) -> PrivateNetwork:
        """The network that only these two are on, whatever the app is called later."""
        id = network_id(self.hostname, self.created_at)
        return PrivateNetwork(id=id, subnet=self.subnet, hostname=self.hostname)


def network_id(service: str, at: datetime) -> str:
    """The id of the network of a link that was made at this moment."""
    return f"{service}.{at:%Y%m%d%H%M%S%f}"


def can_be_dumped(service: Service) -> bool:
    """Whether its kind has commands for a dump and a restore."""
    return service.row.dump is not None and service.row.restore is not None


def key_of(name: str) -> str:
    """``service--db`` of ``db``."""
    return f"{PREFIX}{name}"


def check_service_name(name: str) -> str:
    """The name itself, when it is one. Raises InvalidError."""
    if not SERVICE_NAME.fullmatch(name):
        raise InvalidError(
            f'"{name[:60]}" cannot be a service\'s name',
            why="a name has 2 to 30 characters: lower-case letters, digits and single dashes; it starts with a letter "
            "and does not end with a dash. Apps reach the service by it",
            next="choose a name like db or shop-cache",
        )
    return name


def container_name(service: Service, generation: int) -> str:
    """The name of one of its containers."""
    return instance_name(service.key, PROCESS, generation, 1)


def new_password() -> Secret:
    """A password that needs no quoting in URLs, SQL or a shell."""
    return Secret("".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH)))


def new_values(row: Kind, url: str, environment: Mapping[str, str]) -> dict[str, ConfigVar]:
    """What the vault keeps of a new service: its own environment, and a password if anything asks for one."""
    texts = (url, *environment.values(), *row.environment.values())
    values = {
        name: ConfigVar(value=Secret(text), is_secret=refusal_of(text) is None) for name, text in environment.items()
    }
    if any("{password}" in text for text in texts):
        values[PASSWORD] = ConfigVar(value=new_password(), is_secret=True)
    return values


def url_of(service: Service, values: Mapping[str, ConfigVar]) -> Secret:
    """How an app reaches the service."""
    return Secret(_fill(service.url, service, values))


def secrets_of(service: Service, values: Mapping[str, ConfigVar]) -> tuple[ConfigVar, ...]:
    """What is to be hidden of a service's values: the secret ones, and the URL with them."""
    url = ConfigVar(value=url_of(service, values), is_secret=PASSWORD in values)
    return (*(var for var in values.values() if var.is_secret), url)


def environment_of(service: Service, values: Mapping[str, ConfigVar]) -> dict[str, Secret]:
    """The environment of its container."""
    own = {name: str(var.value) for name, var in values.items() if name != PASSWORD}
    texts = {**service.row.environment, **own}
    return {name: Secret(_fill(text, service, values)) for name, text in texts.items()}


def service_spec(
    service: Service, values: Mapping[str, ConfigVar], networks: tuple[PrivateNetwork, ...]
) -> InstanceSpec:  # fmt: skip
    """The container of a service."""
    return InstanceSpec(
        name=service.container,
        app=service.key,
        process=PROCESS,
        slot=service.generation,
        number=1,
        role=Role.SERVICE,
        image_id=service.image_id,
        command=service.row.command,
        environment=environment_of(service, values),
        mounts=(Mount(path=service.path, volume=service.volume),) if service.volume else (),
        networks=networks,
        limits=Limits(memory=service.memory),
        stop_timeout=service.row.stop_timeout,
    )


def version_spec(service: Service) -> InstanceSpec:
    """The container that runs once and writes the version of the program in the service's image."""
    return InstanceSpec(
        name=instance_name(service.key, VERSION, service.generation, 1),
        app=service.key,
        process=VERSION,
        slot=service.generation,
        number=1,
        role=Role.RUN,
        image_id=service.image_id,
        command=service.row.version,
        limits=Limits(memory=VERSION_MEMORY),
    )


def major_of(text: str) -> str:
    """The major version in what a program says of itself; empty if there is none."""
    found = _MAJOR.search(text)
    return found[1] if found else ""


def _fill(text: str, service: Service, values: Mapping[str, ConfigVar]) -> str:
    word = (service.data_name or service.name).replace("-", "_")
    facts = {"user": word, "database": word, "host": service.name, "port": str(service.port)}
    if PASSWORD in values:
        facts["password"] = str(values[PASSWORD].value)
    for name, value in facts.items():
        text = text.replace(f"{{{name}}}", value)
    return text
