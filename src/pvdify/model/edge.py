"""The edge: what leads visitors from the internet to this server's router."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pvdify.model.instance import Secret

NOTHING_HERE = "http_status:404"


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
    """A hostname that does not lead here, and what to do."""

    hostname: str
    what: str
    next: str


@dataclass(frozen=True, kw_only=True)
class EdgeState:
    """How it is. ``run_token`` is what the tunnel's program on this machine needs; ``health`` is the edge's own word.

    ``version`` counts changes of the rules, whoever made them; ``is_own``: we made the tunnel, so all of it is ours.
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
    """What the tunnel's program here is known to run with: written by who keeps the edge, read by deploys."""

    arrived: EdgeWanted | None = None

    def leads_to(self, ports: Collection[int]) -> bool:
        """Whether visitors may still be led straight to one of these ports; yes, as long as nothing is known."""
        if self.arrived is None:
            return True
        services = {rule.service for rule in self.arrived.rules}
        return any(target_url(port) in services for port in ports)


def target_url(port: int) -> str:
    """Where a program on this machine reaches an instance."""
    return f"http://127.0.0.1:{port}"


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
