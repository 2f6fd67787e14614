"""The text of HAProxy's configuration. It depends only on the settings, so the same server always gets the same text.

Everything that changes while the router runs is in map files. The text names them relative to the router's directory:
the process is started with ``-C DIRECTORY``, so that runtime commands can use the same short names.
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
OLDEST = (2, 6)  # older versions cannot parse the log's target
_LARGEST_HEADERS = (pages.LARGEST_HEADERS_KB + 4) * 1024  # bytes: one header of the promised size, and others
_BUFFER = _LARGEST_HEADERS + 12 * 1024  # bytes: also HAProxy's records of 1,000 headers, and the router's own headers


@dataclass(frozen=True, kw_only=True)
class Front:
    """Proxies in front of the router.

    ``trusted``: their networks. ``headers``: the headers that contain the visitor's address, the best first.
    ``has_http2``: they use HTTP/2 without TLS to the router (h2c).
    """

    trusted: tuple[str, ...] = ("127.0.0.0/8", "::1")
    headers: tuple[str, ...] = ("CF-Connecting-IP", "X-Forwarded-For")
    has_http2: bool = False


@dataclass(frozen=True, kw_only=True)
class ConfigSpec:
    """Everything that the text depends on.

    ``bind``: an address, or a descriptor that HAProxy inherits. ``token``: the secret value of the confirm header.
    ``version``: HAProxy's (major, minor). ``has_lua``: HAProxy was built with Lua.
    """

    bind: str
    socket: Path
    token: str
    version: tuple[int, int]
    has_lua: bool = True
    front: Front = field(default_factory=Front)
    control_plane: ControlPlane | None = None


def build(spec: ConfigSpec) -> str:
    """Return the text. Its ``description`` is the fingerprint, so that a running process reports which text it has."""
    return _text(spec, description=fingerprint(spec))


def fingerprint(spec: ConfigSpec) -> str:
    """Return 16 hexadecimal digits that change whenever anything else in the text changes."""
    return hashlib.sha256(_text(spec, description="").encode()).hexdigest()[:16]


def proof_key(token: str) -> str:
    """Return the key of the router's proof, in base64. The token cannot be computed from the key."""
    return base64.b64encode(hashlib.sha256(f"proof {token}".encode()).digest()).decode()


def api_key(token: str) -> str:
    """Return the key that marks requests from the router to pvdifyd. The token cannot be computed from the key."""
    return hashlib.sha256(f"api {token}".encode()).hexdigest()


def proof_of(token: str, path: str, slot: str) -> bytes:
    """Return what a router with this token answers at ``path`` while ``slot`` is live, by ``visitor.proof``'s rule."""
    key = base64.b64decode(proof_key(token))
    return hmac.new(key, f"{path}:{slot}".encode(), hashlib.sha256).hexdigest().encode()


def _text(spec: ConfigSpec, *, description: str) -> str:
    table = counters.table(spec.version)
    backends = (_ONLY, second_try.backends(spec.socket), *control_plane.backends(spec.control_plane))
    frontends = (_frontend(spec), second_try.frontend(spec.socket))
    sections = (_global(spec, description), _defaults(spec), *frontends, *backends, bulkheads.tables(), table)
    return "# Written by pvdify; changes are overwritten.\n" + "\n".join(sections)


def _global(spec: ConfigSpec, description: str) -> str:
    # noreuseport: a second router on the same port must fail to start, instead of getting half of the traffic.
    # stats timeout: limits how long the connection to a replaced process can stay open.
    # nbthread: HAProxy drops a line of its log if another thread is writing one.
    return f"""\
global
    description {description}
    maxconn {bulkheads.MAX_CONNECTIONS}
    nbthread 1
    no strict-limits
    noreuseport
    hard-stop-after 1h
    stats socket {spec.socket} mode 600 level admin expose-fd listeners
    stats timeout 1h
    tune.bufsize {_BUFFER}
    # a rule below limits the number of headers and says why; HAProxy's own limit has to be higher
    tune.http.maxhdr 20000
    {visitor.log_target()}
{hold.load(has_lua=spec.has_lua)}"""


def _defaults(spec: ConfigSpec) -> str:
    # Keep-alive is longer than that of proxies in front (cloudflared: about 90 s), so that they never send a request on
    # a connection that the router is closing.
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
    {second_try.unique_id_format(failed="1")}
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

    # keep previews, and the router's pages in their place, out of search engines
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
    http-request set-var(txn.app) var(txn.hostname),map({HOSTS})
    http-request return {pages.response(pages.NOT_FOUND)} unless {{ var(txn.app) -m found }}
    http-request return {pages.response(pages.TOO_LARGE)} if {{ req.hdrs,length gt {_LARGEST_HEADERS} }} || \
{{ req.hdr_cnt gt {pages.MOST_HEADERS} }}
    # check the password of an app behind a gate; the app does not get the password
    http-request set-var(txn.gate) var(txn.app),map({GATES})
    http-request set-var(txn.key) req.hdr(authorization),regsub("^basic +","Basic ",i),sha2(256),hex,lower
    # browsers send CORS preflight requests without a password, so these pass the gate
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
{hold.rules(has_lua=spec.has_lua)}    http-request set-var(txn.count) var(txn.slot),map_str_int({TARGETS})
    http-request return {pages.response(pages.UNAVAILABLE)} unless {{ var(txn.count) -m int gt 0 }}
"""


_CHOICE = f"""\
    # choose the position with fewer requests in flight of two that are drawn at random
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
