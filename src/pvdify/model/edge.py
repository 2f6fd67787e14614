"""The edge: how requests from the internet reach this server's router."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pvdify.model.endpoint import Endpoint
from pvdify.model.instance import Secret
from pvdify.model.public import Cause, PublicAnswer


@dataclass(frozen=True, kw_only=True)
class EdgeRule:
    """Requests for a hostname, or for all below one (``*.example.com``), go to an address on this machine."""

    hostname: str
    service: str


@dataclass(frozen=True, kw_only=True)
class EdgeWanted:
    """How it should be: which hostnames the world can look up, and where their requests go, the first match first."""

    base_domain: str
    hostnames: frozenset[str]
    rules: tuple[EdgeRule, ...]


@dataclass(frozen=True, kw_only=True)
class EdgeLink:
    """The account at the edge. ``tunnel``: the name of one to adopt; None for one of our own."""

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
    """How it is. ``run_token`` is what the tunnel's program on this machine needs; ``health`` is the edge's own word.

    ``version`` counts all changes of the rules; ``is_own``: we made the tunnel, so all of it is ours.
    """

    tunnel: str
    tunnel_id: str
    is_own: bool
    run_token: Secret = field(repr=False)
    health: str
    version: int
    problems: tuple[EdgeProblem, ...] = ()


@dataclass
class EdgeBoard:
    """What deploys know of the edge, written by its keeper.

    ``arrived``: the rules that the tunnel's program here is known to run with. ``explain``: see ``ports.edge.Edge``.
    """

    arrived: EdgeWanted | None = None
    explain: Callable[[str, PublicAnswer], Cause | None] = lambda _hostname, _answer: None

    def leads_to(self, targets: Collection[Endpoint]) -> bool:
        """Whether visitors may still be led straight to one of these endpoints; yes, as long as nothing is known."""
        if self.arrived is None:
            return True
        services = {rule.service for rule in self.arrived.rules}
        return any(target_url(target) in services for target in targets)


def target_url(endpoint: Endpoint) -> str:
    """Where the tunnel's program reaches an instance."""
    return f"{endpoint}" if endpoint.is_unix else f"http://{endpoint}"


def wanted_edge(hostnames: Iterable[str], base_domain: str, router: str) -> EdgeWanted:
    """Everything goes to the router, which knows the rest: so a deploy changes nothing here.

    One rule for all apps' own hostnames, and one for each that is not of this form.
    """
    every = frozenset(hostnames)
    others = sorted(name for name in every if name.partition(".")[2] != base_domain)
    rules = [EdgeRule(hostname=name, service=router) for name in (*others, f"*.{base_domain}")]
    return EdgeWanted(base_domain=base_domain, hostnames=every, rules=tuple(rules))


def wanted_edge_direct(targets: Mapping[str, str], base_domain: str) -> EdgeWanted:
    """Each hostname goes straight to an address of its app's live release."""
    rules = tuple(EdgeRule(hostname=name, service=service) for name, service in sorted(targets.items()))
    return EdgeWanted(base_domain=base_domain, hostnames=frozenset(targets), rules=rules)


def zone_of(hostname: str, zones: Iterable[str]) -> str | None:
    """The longest of the zones that a hostname is in."""
    holding = [zone for zone in zones if hostname == zone or hostname.endswith(f".{zone}")]
    return max(holding, key=len, default=None)
