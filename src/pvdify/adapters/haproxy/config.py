"""The whole configuration text: a pure function of the settings, so the same server always gets the same text.

Everything that changes while the router runs is in the map files, which the text names relative to its own
directory (the process is started with ``-C DIRECTORY``; runtime commands then use the same short names).
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from pvdify.adapters.haproxy import affinity, bulkheads, control_plane, counters, hold, pages, second_try, visitor
from pvdify.adapters.haproxy.control_plane import ControlPlane
from pvdify.adapters.haproxy.maps import ADDRESSES, GATES, HOSTS, IN_MAINTENANCE, LIVE, LOOPBACK, TARGETS
from pvdify.adapters.haproxy.second_try import SLOT_HEADER
from pvdify.ports.router import PROOF_PATH

CONFIRM_HEADER = "X-Pvdify-Confirm"
OLDEST = (2, 6)  # before it, it cannot read the log's target
_LARGEST_HEADERS = (pages.LARGEST_HEADERS_KB + 4) * 1024  # one header of the promised size, and what browsers add
_BUFFER = _LARGEST_HEADERS + 12 * 1024  # HAProxy's own records of up to 1,000 headers, and the headers that we add


@dataclass(frozen=True, kw_only=True)
class Front:
    """What stands in front: the networks it may speak from, and the headers in which it says who the visitor is.

    ``has_http2``: it speaks HTTP/2 without TLS to the router (h2c).
    """

    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1")
    headers: tuple[str, ...] = ("CF-Connecting-IP", "X-Forwarded-For")
    has_http2: bool = False


@dataclass(frozen=True, kw_only=True)
class ConfigSpec:
    """What decides the text.

    ``bind``: an address, or a descriptor that it is started with; ``version``: HAProxy's (major, minor), ``has_lua``:
    whether it was built with Lua; ``token`` opens the confirm header.
    """

    bind: str
    socket: Path
    token: str
    version: tuple[int, int]
    has_lua: bool = True
    front: Front = field(default_factory=Front)
    control_plane: ControlPlane | None = None


def build(spec: ConfigSpec) -> str:
    """The text, whose ``description`` is its fingerprint: a running process tells which text it has."""
    return _text(spec, description=fingerprint(spec))


def fingerprint(spec: ConfigSpec) -> str:
    """Sixteen characters that change whenever anything else in the text does."""
    return hashlib.sha256(_text(spec, description="").encode()).hexdigest()[:16]


def proof_key(token: str) -> str:
    """The key of the router's proof, in base64; the token itself cannot be told from it."""
    return base64.b64encode(hashlib.sha256(f"proof {token}".encode()).digest()).decode()


def api_key(token: str) -> str:
    """What tells pvdifyd that a request came through the router; the token itself cannot be told from it."""
    return hashlib.sha256(f"api {token}".encode()).hexdigest()


def proof_of(token: str, path: str, slot: str) -> bytes:
    """What a router with this token answers at this path while this slot is live: as ``visitor.proof`` has it."""
    key = base64.b64decode(proof_key(token))
    return hmac.new(key, f"{path}:{slot}".encode(), hashlib.sha256).hexdigest().encode()


def _text(spec: ConfigSpec, *, description: str) -> str:
    table = counters.table(spec.version)
    backends = (_ONLY, second_try.backends(spec.socket), *control_plane.backends(spec.control_plane))
    frontends = (_frontend(spec), second_try.frontend(spec.socket))
    sections = (_global(spec, description), _defaults(spec), *frontends, *backends, bulkheads.tables(), table)
    return "# Written by pvdify; changes are overwritten.\n" + "\n".join(sections)


def _global(spec: ConfigSpec, description: str) -> str:
    # noreuseport: two routers on one port must be an error, not two halves of the traffic.
    # stats timeout: the connection to a draining predecessor is held this long.
    return f"""\
global
    description {description}
    maxconn {bulkheads.MAX_CONNECTIONS}
    no strict-limits
    noreuseport
    hard-stop-after 1h
    stats socket {spec.socket} mode 600 level admin expose-fd listeners
    stats timeout 1h
    tune.bufsize {_BUFFER}
    # more than there may be: a rule refuses what is above the limit, and HAProxy itself would not say why
    tune.http.maxhdr 20000
    {visitor.log_target()}
{hold.load(has_lua=spec.has_lua)}"""


def _defaults(spec: ConfigSpec) -> str:
    # Keep-alive outlasts that of what stands in front (cloudflared: about 90 s), so that it never sends on a
    # connection that is being closed.
    errors = "".join(f"    http-error {pages.response(page)}\n" for page in pages.MADE_UP)
    upgrade = "" if spec.front.has_http2 else "    option disable-h2-upgrade\n"
    return f"""\
defaults
    mode http
{upgrade}    option http-keep-alive
    option http-no-delay
    option http-ignore-probes
    option dontlognull
    option idle-close-on-response
    retries 3
    timeout connect 5s
    timeout http-request {bulkheads.HEAD_WITHIN}s
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
{bulkheads.connections(spec.front.trusted)}\
    log global
    {visitor.log_format()}
    {second_try.told(failed="1")}
    acl spreads var(txn.count) -m int gt 1
{second_try.KINDS}
{visitor.rules(spec.front.trusted, spec.front.headers)}{control_plane.rules(spec.control_plane, api_key(spec.token))}
{_route(spec)}{visitor.proof(proof_key(spec.token))}
{_CHOICE}
{affinity.REQUEST}
    http-request track-sc0 var(txn.target) table {counters.TABLE}
    http-request set-var(txn.port) var(txn.target),map_str_int({TARGETS})
    http-request set-dst var(txn.target),map({ADDRESSES},{LOOPBACK})
    http-request set-dst-port var(txn.port)
    http-request set-var(txn.confirms) bool(true) if confirms
    http-request del-header {CONFIRM_HEADER}

    # search engines are to forget previews, and whatever is answered in their place
    http-after-response set-header X-Robots-Tag "noindex, nofollow" if {{ var(txn.app) -m reg -- -pr-[1-9][0-9]*$ }}
{second_try.ANSWERED}{affinity.ANSWER}{counters.rules(spec.version)}
    http-response del-header {SLOT_HEADER}
    http-response set-header {SLOT_HEADER} %[var(txn.slot)] if {{ var(txn.confirms) -m bool }}

{control_plane.choice(spec.control_plane)}    use_backend one_of_several if spreads
    default_backend only_one
"""


def _route(spec: ConfigSpec) -> str:
    return f"""\
    # hostname -> app -> slot -> number of targets
    http-request set-var(txn.app) req.hdr(host),field(1,:),lower,regsub([.]$,),map({HOSTS})
    http-request return {pages.response(pages.NOT_FOUND)} unless {{ var(txn.app) -m found }}
    http-request return {pages.response(pages.TOO_LARGE)} if {{ req.hdrs,length gt {_LARGEST_HEADERS} }} || \
{{ req.hdr_cnt gt {pages.MOST_HEADERS} }}
    # an app behind a gate never sees the password
    http-request set-var(txn.gate) var(txn.app),map({GATES})
    http-request set-var(txn.key) req.hdr(authorization),regsub("^basic +","Basic ",i),sha2(256),hex,lower
    # browsers ask without a password whether they may send one (CORS)
    http-request set-var(txn.asks_first) bool(true) if METH_OPTIONS {{ req.hdr(origin) -m found }} \
{{ req.hdr(access-control-request-method) -m found }} !{{ req.hdr_cnt(transfer-encoding) gt 0 }} \
!{{ req.hdr_val(content-length) gt 0 }}
    acl asks_first var(txn.asks_first) -m bool
    acl is_gated var(txn.gate) -m found
    acl has_key var(txn.key),strcmp(txn.gate) eq 0
    acl confirms req.hdr({CONFIRM_HEADER.lower()}) -m str {spec.token}
    acl proves path_beg {PROOF_PATH}
    http-request return {pages.response(pages.SIGN_IN)} if is_gated !has_key !confirms !proves !asks_first
    http-request del-header Authorization if is_gated
{bulkheads.requests()}\
    http-request set-var(txn.slot) var(txn.app),map({LIVE})
    http-request return {pages.response(pages.MAINTENANCE)} if {{ var(txn.slot) -m str {IN_MAINTENANCE} }}
{hold.rules(has_lua=spec.has_lua)}    http-request set-var(txn.slot) var(txn.app),map({LIVE})
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
_ONLY = f"""\
backend only_one
{second_try.FRESH}    server target 0.0.0.0:0 id {second_try.TARGET}
"""
