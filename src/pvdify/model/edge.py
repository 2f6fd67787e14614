"""The edge: the service through which requests from the internet reach this server's router."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pvdify.model.endpoint import Endpoint
from pvdify.model.instance import Secret
from pvdify.model.public import Cause, PublicAnswer


@dataclass(frozen=True, kw_only=True)
class EdgeRule:
    """A rule that sends requests for a hostname, or for all below one (``*.example.com``), to a local address."""

    hostname: str
    service: str


@dataclass(frozen=True, kw_only=True)
class EdgeWanted:
    """The desired state of the edge: the public hostnames, and the rules in order; the first match counts."""

    base_domain: str
    hostnames: frozenset[str]
    rules: tuple[EdgeRule, ...]


@dataclass(frozen=True, kw_only=True)
class EdgeLink:
    """The account at the edge. ``tunnel``: the name of a tunnel to adopt; None for a new one."""

    token: Secret = field(repr=False)
    tunnel: str | None = None


@dataclass(frozen=True, kw_only=True)
class EdgeProblem:
    """A hostname that is not routed to this server, and the next step."""

    hostname: str
    what: str
    next: str


@dataclass(frozen=True, kw_only=True)
class EdgeState:
    """The state of the edge. ``run_token``: for the tunnel's program on this machine. ``health``: from the edge.

    ``version`` counts all changes of the rules; ``is_own``: pvdify created the tunnel and owns all of it.
    """

    tunnel: str
    tunnel_id: str
    is_own: bool
    run_token: Secret = field(repr=False)
    health: str
    version: int
    problems: tuple[EdgeProblem, ...] = ()


@dataclass
class EdgeStatus:
    """The edge's state for deploys, written by the edge's keeper.

    ``arrived``: the rules that the local tunnel program is known to use. ``explain``: see ``ports.edge.Edge``.
    """

    arrived: EdgeWanted | None = None
    explain: Callable[[str, PublicAnswer], Cause | None] = lambda _hostname, _answer: None

    def leads_to(self, targets: Collection[Endpoint]) -> bool:
        """Return whether the edge may still send requests directly to one of these endpoints; True if unknown."""
        if self.arrived is None:
            return True
        services = {rule.service for rule in self.arrived.rules}
        return any(target_url(target) in services for target in targets)


def target_url(endpoint: Endpoint) -> str:
    """Return the URL by which the tunnel's program reaches an instance."""
    return f"{endpoint}" if endpoint.is_unix else f"http://{endpoint}"


def wanted_edge(hostnames: Iterable[str], base_domain: str, router: str) -> EdgeWanted:
    """Return the state in which all requests go to the router, so that a deploy changes nothing at the edge.

    It has one rule for the default hostnames of all apps, and one for each other hostname.
    """
    every = frozenset(hostnames)
    others = sorted(name for name in every if name.partition(".")[2] != base_domain)
    rules = [EdgeRule(hostname=name, service=router) for name in (*others, f"*.{base_domain}")]
    return EdgeWanted(base_domain=base_domain, hostnames=every, rules=tuple(rules))


def wanted_edge_direct(targets: Mapping[str, str], base_domain: str) -> EdgeWanted:
    """Return the state in which each hostname goes directly to an address of its app's live release."""
    rules = tuple(EdgeRule(hostname=name, service=service) for name, service in sorted(targets.items()))
    return EdgeWanted(base_domain=base_domain, hostnames=frozenset(targets), rules=rules)


def zone_of(hostname: str, zones: Iterable[str]) -> str | None:
    """Return the longest of the zones that contains the hostname, or None."""
    holding = [zone for zone in zones if hostname == zone or hostname.endswith(f".{zone}")]
    return max(holding, key=len, default=None)
