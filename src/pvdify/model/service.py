"""Services: long-running containers that are not released, such as a database beside an app."""

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

PREFIX = "service--"  # no app's name has two hyphens in a row
VERSION, VERSION_MEMORY = "version", 128 * 1024**2  # of the container that prints the version of a program
PROCESS = "service"
PASSWORD = "password"  # noqa: S105 - the name of the value in the vault
PASSWORD_LENGTH = 32
FROM_BACKUP = "backup:"  # the beginning of ``copy_of`` if the service gets its data from a backup
_MAJOR = re.compile(r"(\d+)(?:\.\d+)*")


class ServiceState(Enum):
    """The states of a service. ``DOWN``: it should run and does not answer."""

    STARTING = "starting"
    LIVE = "live"
    DOWN = "down"
    UPGRADING = "upgrading"
    TRASH = "trash"


class OrderKind(Enum):
    """The kinds of orders."""

    RESTART = "restart"
    ROTATE = "rotate"
    RESTORE = "restore"
    UPGRADE = "upgrade"
    DESTROY = "destroy"


@dataclass(frozen=True, kw_only=True)
class Order:
    """Requested work on a service that is not done yet and survives restarts of the daemon.

    ``image``: of an upgrade. ``volume`` and ``generation``: what the upgrade has made, to undo it. ``version``: the
    config version with the new password of a rotation. ``purges``: deletes the data at once. ``backup``: the id of the
    backup to restore from, and ``source`` that of the service or volume in it.
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

    ``id`` is never reused; the name is, once the service is in the trash. ``volume``: the id of its storage, empty for
    a service without storage. ``problem``: why it is down. ``pending``: the order in progress; ``failure``: why the
    last order failed. ``generation``: the number of its container. ``config_version``: the vault's version of its
    password and environment. ``owner``: the preview that it was made for. ``copy_of``: the id of the service whose data
    it starts with, or ``backup:BACKUP:ID`` for a service or volume in a backup; empty once it has the data.
    ``data_name``: the name of its user and database, if they came with the data of another service.
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
        """The service's key in the names of its container, network, logs and config files, in place of an app."""
        return f"{PREFIX}{self.name}"

    @property
    def row(self) -> Kind:
        """The description of its kind."""
        return KINDS[self.kind]

    @property
    def container(self) -> str:
        """The name of its container."""
        return container_name(self, self.generation)

    @property
    def is_trashed(self) -> bool:
        """Whether it was destroyed and its data still exists."""
        return self.state is ServiceState.TRASH

    @property
    def is_busy(self) -> bool:
        """Whether an order or a copy is in progress that must end first."""
        return self.pending is not None or bool(self.copy_of)

    def at(self, state: ServiceState, now: datetime, problem: str = "") -> "Service":
        """Return the service in this state; ``since`` changes only with the state."""
        return replace(self, state=state, since=self.since if state is self.state else now, problem=problem)


@dataclass(frozen=True, kw_only=True)
class ServiceLink:
    """The permission for an app to reach a service. ``variable``: the URL's name in the app's environment."""

    service: str
    app: str
    variable: str
    hostname: str
    subnet: str
    created_at: datetime
    created_by: str

    @property
    def network(self) -> PrivateNetwork:
        """The link's network. Its id does not change when the app is renamed."""
        id = network_id(self.hostname, self.created_at)
        return PrivateNetwork(id=id, subnet=self.subnet, hostname=self.hostname)


def network_id(service: str, at: datetime) -> str:
    """Return the id of the network of a link made at this time."""
    return f"{service}.{at:%Y%m%d%H%M%S%f}"


def can_be_dumped(service: Service) -> bool:
    """Return whether its kind has commands for a dump and a restore."""
    return service.row.dump is not None and service.row.restore is not None


def is_of_service(app: str) -> bool:
    """Return whether this is the key of a service in place of an app's name."""
    return app.startswith(PREFIX)


def key_of(name: str) -> str:
    """Return ``service--db`` for ``db``."""
    return f"{PREFIX}{name}"


def check_service_name(name: str) -> str:
    """Return the name if it is valid. Raises InvalidError."""
    if not SERVICE_NAME.fullmatch(name):
        raise InvalidError(
            f'"{name[:60]}" cannot be a service\'s name',
            why="a name has 2 to 30 characters: lower-case letters, digits and single dashes; it starts with a letter "
            "and does not end with a dash. Apps reach the service by it",
            next="choose a name like db or shop-cache",
        )
    return name


def container_name(service: Service, generation: int) -> str:
    """Return the name of a service's container of this generation."""
    return instance_name(service.key, PROCESS, generation, 1)


def new_password() -> Secret:
    """Return a new password that needs no quoting in URLs, SQL or a shell."""
    return Secret("".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(PASSWORD_LENGTH)))


def new_values(row: Kind, url: str, environment: Mapping[str, str]) -> dict[str, ConfigVar]:
    """Return a new service's values for the vault: its environment, and a password if any text uses one."""
    texts = (url, *environment.values(), *row.environment.values())
    values = {
        name: ConfigVar(value=Secret(text), is_secret=refusal_of(text) is None) for name, text in environment.items()
    }
    if any("{password}" in text for text in texts):
        values[PASSWORD] = ConfigVar(value=new_password(), is_secret=True)
    return values


def url_of(service: Service, values: Mapping[str, ConfigVar]) -> Secret:
    """Return the URL by which an app reaches the service."""
    return Secret(_fill(service.url, service, values))


def secrets_of(service: Service, values: Mapping[str, ConfigVar]) -> tuple[ConfigVar, ...]:
    """Return the values of a service to redact: the secret ones, and the URL that contains them."""
    url = ConfigVar(value=url_of(service, values), is_secret=PASSWORD in values)
    return (*(var for var in values.values() if var.is_secret), url)


def environment_of(service: Service, values: Mapping[str, ConfigVar]) -> dict[str, Secret]:
    """Return the environment of the service's container."""
    own = {name: str(var.value) for name, var in values.items() if name != PASSWORD}
    texts = {**service.row.environment, **own}
    return {name: Secret(_fill(text, service, values)) for name, text in texts.items()}


def service_spec(
    service: Service, values: Mapping[str, ConfigVar], networks: tuple[PrivateNetwork, ...]
) -> InstanceSpec:  # fmt: skip
    """Return the specification of a service's container."""
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
        ports=(service.port,),
    )


def version_spec(service: Service) -> InstanceSpec:
    """Return the container that runs once and prints the version of the program in the service's image."""
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
    """Return the major version in a program's version text; empty if there is none."""
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
