"""The inputs of the engine besides the world, each of which one part uses."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from pvdify.engine.state.backups.tools import BackupTools
from pvdify.model.notice import Channel
from pvdify.ports.attached import Inside, OneOffs
from pvdify.ports.code_host import CodeHost
from pvdify.ports.edge import Edge, TunnelProcess
from pvdify.ports.identities import Identities
from pvdify.ports.link_store import LinkStore
from pvdify.ports.outlet import Outlet
from pvdify.ports.passkey_checks import PasskeyChecks
from pvdify.ports.people_store import PeopleStore
from pvdify.ports.runtime_options import RuntimeOptions
from pvdify.ports.sample_store import SampleStore
from pvdify.ports.sign_in_provider import SignInProvider


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Ports and other inputs that only one part uses each. ``chance``: the random numbers that spread retries."""

    one_offs: OneOffs
    inside: Inside
    edge: Edge
    tunnel_process: TunnelProcess
    code_host: CodeHost
    identities: Identities
    links: LinkStore
    people: PeopleStore
    samples: SampleStore
    sign_in_provider: SignInProvider | None
    passkey_checks: PasskeyChecks
    runtime_options: RuntimeOptions
    outlets: Mapping[Channel, Outlet]
    webhook_secrets: tuple[str, ...]
    backup_tools: BackupTools
    chance: random.Random | None = None
