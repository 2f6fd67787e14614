"""The whole configuration text: a pure function of the settings, so the same server always gets the same text.

Everything that changes while the router runs is in the map files, which the text names relative to its own
directory (the process is started with ``-C DIRECTORY``; runtime commands then use the same short names).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.adapters.haproxy import counters, pages, second_try, visitor
from pvdify.adapters.haproxy.maps import GATES, HOSTS, IN_MAINTENANCE, LIVE, TARGETS
from pvdify.adapters.haproxy.second_try import SLOT_HEADER
from pvdify.ports.router import PROOF_PATH

CONFIRM_HEADER = "X-Pvdify-Confirm"
OLDEST = (2, 6)  # before it, it cannot read the log's target, and pooled connections may ignore set-dst
_MAXCONN = 8000  # two descriptors each: fits the 20,000 that small servers allow


@dataclass(frozen=True, kw_only=True)
class Front:
    """What stands in front: the networks it may speak from, and the headers in which it says who the visitor is."""

    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1")
    headers: tuple[str, ...] = ("CF-Connecting-IP", "X-Forwarded-For")


@dataclass(frozen=True, kw_only=True)
class ConfigSpec:
    """What decides the text.

    ``bind``: an address, or a descriptor that it is started with; ``version``: HAProxy's (major, minor); ``token``
    opens the confirm header.
    """

    bind: str
    socket: Path
    token: str
    version: tuple[int, int]
    front: Front = field(default_factory=Front)


def build(spec: ConfigSpec) -> str:
    """The text, whose ``description`` is its fingerprint: a running process tells which text it has."""
    return _text(spec, description=fingerprint(spec))


def fingerprint(spec: ConfigSpec) -> str:
    """Sixteen characters that change whenever anything else in the text does."""
    return hashlib.sha256(_text(spec, description="").encode()).hexdigest()[:16]


def proof_key(token: str) -> str:
    """The key of the router's proof, in base64; the token itself cannot be told from it."""
    return base64.b64encode(hashlib.sha256(f"proof {token}".encode()).digest()).decode()


def proof_of(token: str, path: str, slot: str) -> bytes:
    """What a router with this token answers at this path while this slot is live: as ``visitor.proof`` has it."""
    key = base64.b64decode(proof_key(token))
    return hmac.new(key, f"{path}:{slot}".encode(), hashlib.sha256).hexdigest().encode()


def _text(spec: ConfigSpec, *, description: str) -> str:
    table = counters.table(spec.version)
    backends = (_POOLED, _FRESH, second_try.backends(spec.socket))
    frontends = (_frontend(spec), second_try.frontend(spec.socket))
    sections = (_global(spec, description), _defaults(), *frontends, *backends, table)
    return "# Written by pvdify; changes are overwritten.\n" + "\n".join(sections)


def _global(spec: ConfigSpec, description: str) -> str:
    # noreuseport: two routers on one port must be an error, not two halves of the traffic.
    # stats timeout: the connection to a draining predecessor is held this long.
    return f"""\
global
    description {description}
    maxconn {_MAXCONN}
    no strict-limits
    noreuseport
    hard-stop-after 1h
    stats socket {spec.socket} mode 600 level admin expose-fd listeners
    stats timeout 1h
    {visitor.log_target()}
"""


def _defaults() -> str:
    # Keep-alive outlasts that of what stands in front (cloudflared: about 90 s), so that it never sends on a
    # connection that is being closed.
    errors = "".join(f"    http-error {pages.response(page)}\n" for page in pages.MADE_UP)
    return f"""\
defaults
    mode http
    option http-keep-alive
    option http-no-delay
    option http-ignore-probes
    option dontlognull
    option idle-close-on-response
    retries 3
    timeout connect 5s
    timeout http-request 60s
    timeout http-keep-alive 120s
    timeout client 300s
    timeout client-fin 30s
    timeout server 300s
    timeout tunnel 1h
{errors}"""


def _frontend(spec: ConfigSpec) -> str:
    return f"""\
frontend visitors
    bind {spec.bind}
    log global
    {visitor.log_format()}
    {second_try.told(failed="1")}
    acl spreads var(txn.count) -m int gt 1
{second_try.KINDS}
{visitor.rules(spec.front.trusted, spec.front.headers)}
{_route(spec.token)}{visitor.proof(proof_key(spec.token))}
{_CHOICE}
    http-request track-sc0 var(txn.target) table {counters.TABLE}
    http-request set-var(txn.port) var(txn.target),map_str_int({TARGETS})
    http-request set-dst ipv4(127.0.0.1)
    http-request set-dst-port var(txn.port)
    http-request set-var(txn.confirms) bool(true) if confirms
    http-request del-header {CONFIRM_HEADER}

    # search engines are to forget previews, and whatever is answered in their place
    http-after-response set-header X-Robots-Tag "noindex, nofollow" if {{ var(txn.app) -m reg -- -pr-[1-9][0-9]*$ }}
{second_try.ANSWERED}{counters.rules(spec.version)}
    http-response del-header {SLOT_HEADER}
    http-response set-header {SLOT_HEADER} %[var(txn.slot)] if {{ var(txn.confirms) -m bool }}

    use_backend pooled_of_several if spreads is_safe !has_body
    use_backend fresh_of_several if spreads
    use_backend pooled if is_safe !has_body
    default_backend fresh
"""


def _route(token: str) -> str:
    return f"""\
    # hostname -> app -> slot -> number of targets
    http-request set-var(txn.app) req.hdr(host),field(1,:),lower,regsub([.]$,),map({HOSTS})
    http-request return {pages.response(pages.NOT_FOUND)} unless {{ var(txn.app) -m found }}
    # an app behind a gate never sees the password
    http-request set-var(txn.gate) var(txn.app),map({GATES})
    http-request set-var(txn.key) req.hdr(authorization),sha2(256),hex,lower
    acl is_gated var(txn.gate) -m found
    acl has_key var(txn.key),strcmp(txn.gate) eq 0
    acl confirms req.hdr({CONFIRM_HEADER.lower()}) -m str {token}
    acl proves path_beg {PROOF_PATH}
    http-request return {pages.response(pages.SIGN_IN)} if is_gated !has_key !confirms !proves
    http-request del-header Authorization if is_gated
    http-request set-var(txn.slot) var(txn.app),map({LIVE})
    http-request return {pages.response(pages.MAINTENANCE)} if {{ var(txn.slot) -m str {IN_MAINTENANCE} }}
    http-request set-var(txn.count) var(txn.slot),map_str_int({TARGETS})
    http-request return {pages.response(pages.UNAVAILABLE)} unless {{ var(txn.count) -m int gt 0 }}
"""


_CHOICE = f"""\
    # of two positions drawn at random, the one with fewer requests in flight
    http-request set-var(txn.place) var(txn.slot),concat(/0)
    http-request set-var(txn.one) rand,mod(txn.count) if spreads
    http-request set-var(txn.place) var(txn.slot),concat(/,txn.one) if spreads
    http-request set-var(txn.number) var(txn.place),map({TARGETS})
    http-request set-var(txn.target) var(txn.slot),concat(:,txn.number)
    http-request set-var(txn.less) var(txn.count),sub(1) if spreads
    http-request set-var(txn.two) rand,mod(txn.less),add(1),add(txn.one),mod(txn.count) if spreads
    http-request set-var(txn.place) var(txn.slot),concat(/,txn.two) if spreads
    http-request set-var(txn.number) var(txn.place),map({TARGETS}) if spreads
    http-request set-var(txn.other) var(txn.slot),concat(:,txn.number) if spreads
    http-request set-var(txn.busy) var(txn.target),table_conn_cur({counters.TABLE}) if spreads
    http-request set-var(txn.other_busy) var(txn.other),table_conn_cur({counters.TABLE}) if spreads
    http-request set-var(txn.busier) var(txn.busy),sub(txn.other_busy) if spreads
    acl is_busier var(txn.busier) -m int gt 0
    http-request set-var(txn.one) var(txn.two) if is_busier
    http-request set-var(txn.target) var(txn.other) if is_busier
"""
# A request that may be repeated rides on a pooled connection; should the app close it at that moment, it is sent again.
_POOLED = f"""\
backend pooled
    http-reuse always
    retry-on conn-failure empty-response
    server target 0.0.0.0:0 id {second_try.TARGET}
"""
# Everything else gets a connection of its own: it cannot meet a closing one, and is never sent twice.
_FRESH = f"""\
backend fresh
    http-reuse never
    retry-on conn-failure
    server target 0.0.0.0:0 id {second_try.TARGET}
"""
