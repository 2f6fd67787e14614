"""The ports that the engine works through, bundled once by the composition root."""

from dataclasses import dataclass, field

from pvdify.engine.concurrency import Locks
from pvdify.engine.tally import Tally
from pvdify.model.edge import EdgeBoard
from pvdify.ports.access_log import AccessLog
from pvdify.ports.clock import Clock
from pvdify.ports.credentials import Credentials
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.host import Host
from pvdify.ports.images import Images
from pvdify.ports.outbox import Outbox
from pvdify.ports.prober import Prober
from pvdify.ports.public import PublicWeb
from pvdify.ports.registry_logins import RegistryLogins
from pvdify.ports.router import Router
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.ports.supervisor import Supervisor
from pvdify.settings import Settings


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything outside, behind ports, and how this server is configured.

    ``one_offs``: the containers of commands that somebody watches, which no record tells of.
    """

    settings: Settings
    clock: Clock
    store: Store
    images: Images
    supervisor: Supervisor
    router: Router
    prober: Prober
    secrets: Secrets
    host: Host
    deploy_log: DeployLog
    access_log: AccessLog
    outbox: Outbox
    credentials: Credentials
    public: PublicWeb
    registry_logins: RegistryLogins
    edge_board: EdgeBoard = field(default_factory=EdgeBoard)
    locks: Locks = field(default_factory=Locks)
    tally: Tally = field(default_factory=Tally)
    one_offs: set[str] = field(default_factory=set)
