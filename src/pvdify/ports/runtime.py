"""A container runtime: the ports that run instances, chosen together by the setting ``runtime``."""

from dataclasses import dataclass

from pvdify.ports.attached import Inside, OneOffs
from pvdify.ports.container_changes import ContainerChanges
from pvdify.ports.disk_meter import DiskMeter
from pvdify.ports.edge import TunnelProcess
from pvdify.ports.images import Images
from pvdify.ports.inspector import Inspector
from pvdify.ports.instance_logs import InstanceLogs
from pvdify.ports.instances import Instances
from pvdify.ports.networks import Networks
from pvdify.ports.places import Places
from pvdify.ports.private_networks import PrivateNetworks
from pvdify.ports.registry_logins import RegistryLogins
from pvdify.ports.volumes import Volumes


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """All container ports on one technology. The parts share state.

    ``container_changes``: None if the technology reports no changes; then the reconciler lists the containers in every
    pass.
    """

    instances: Instances
    logs: InstanceLogs
    networks: Networks
    places: Places
    inspector: Inspector
    images: Images
    volumes: Volumes
    disk_meter: DiskMeter
    private_networks: PrivateNetworks
    registry_logins: RegistryLogins
    one_offs: OneOffs
    inside: Inside
    tunnel_process: TunnelProcess
    container_changes: ContainerChanges | None = None
