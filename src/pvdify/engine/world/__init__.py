"""The parts that all rooms share: the ports, bundled once by the composition root, and state in memory.

Locks, the tally, runtime_queries of instances, targets that are down, URLs, and errors about missing apps and releases.
Imports no room of the engine.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pvdify.engine.world.concurrency import Changes, Locks
from pvdify.engine.world.down import DownTargets
from pvdify.engine.world.runtime_queries import RuntimeQueries
from pvdify.engine.world.tally import Tally
from pvdify.model.config import ConfigVar
from pvdify.model.disk_use import DiskMeasurements
from pvdify.model.edge import EdgeStatus
from pvdify.model.former_name import FormerNames
from pvdify.model.instance import Secret
from pvdify.model.layer_bound import LayerBound
from pvdify.model.observed_instances import ObservedInstances
from pvdify.ports.access_log import AccessLog
from pvdify.ports.attached import Inside
from pvdify.ports.clock import Clock
from pvdify.ports.container_changes import ContainerChanges
from pvdify.ports.credentials import Credentials
from pvdify.ports.deploy_log import DeployLog
from pvdify.ports.disk_meter import DiskMeter
from pvdify.ports.host import Host
from pvdify.ports.images import Images
from pvdify.ports.inspector import Inspector
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.job_log import JobLog
from pvdify.ports.networks import Networks
from pvdify.ports.outbox import Outbox
from pvdify.ports.places import Places
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.prober import Prober
from pvdify.ports.public import PublicWeb
from pvdify.ports.registry_logins import RegistryLogins
from pvdify.ports.router import Router
from pvdify.ports.secrets import Secrets
from pvdify.ports.store import Store
from pvdify.ports.volume_transfers import VolumeTransfers
from pvdify.ports.volumes import Volumes
from pvdify.settings import Settings

SharedVars = Callable[[], Awaitable[Mapping[str, Secret]]]
Hide = Callable[[str, Iterable[ConfigVar]], Awaitable[None]]


async def _hide_nothing(app: str, variables: Iterable[ConfigVar]) -> None:
    """Do nothing; the default of ``World.hide``, for worlds without redaction."""


@dataclass(frozen=True, kw_only=True)
class World:
    """All ports, the server's settings, and the engine's state in memory.

    ``one_offs``: names of the containers of one-off commands, which are not in the store. ``down``: web instances that
    routes leave out. ``inside`` does not redact secrets. ``volume_transfers``: None without a cluster beside
    this machine. ``hide`` redacts the secrets among these config vars in all later output of the app. ``shared_vars``:
    functions that return config vars which this server adds to every app. ``layer_bound``: how much new containers can
    write into themselves; None if their runtime does not say.
    """

    settings: Settings
    clock: Clock
    store: Store
    images: Images
    instances: Instances
    instance_logs: InstanceLogs
    networks: Networks
    places: Places
    inspector: Inspector
    router: Router
    prober: Prober
    secrets: Secrets
    host: Host
    deploy_log: DeployLog
    job_log: JobLog
    access_log: AccessLog
    outbox: Outbox
    credentials: Credentials
    public: PublicWeb
    registry_logins: RegistryLogins
    volumes: Volumes
    disk_meter: DiskMeter
    private_networks: PrivateNetworks
    inside: Inside
    container_changes: ContainerChanges | None = None
    layer_bound: LayerBound | None = None
    volume_transfers: VolumeTransfers | None = None
    hide: Hide = field(default=_hide_nothing)
    edge_board: EdgeStatus = field(default_factory=EdgeStatus)
    disk_board: DiskMeasurements = field(default_factory=DiskMeasurements)
    observed: ObservedInstances = field(default_factory=ObservedInstances)
    runtime_queries: RuntimeQueries = field(default_factory=RuntimeQueries)
    locks: Locks = field(default_factory=Locks)
    changes: Changes = field(default_factory=Changes)
    tally: Tally = field(default_factory=Tally)
    one_offs: set[str] = field(default_factory=set)
    down: DownTargets = field(default_factory=DownTargets)
    shared_vars: list[SharedVars] = field(default_factory=list)
    former_names: FormerNames = field(default_factory=FormerNames)
