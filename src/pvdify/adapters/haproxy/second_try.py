"""A request whose instance failed goes to another one of its slot, where it can be sent again safely. Rules as text.

HAProxy fixes a request's port once, so what it repeats meets the same dead one. Where a slot has several instances, its
backend therefore has a second server beside the chosen target: the router itself, on a socket that nobody else can
open. What arrives there goes on to the next position of its slot; should that one fail too, in the same way again.

Which slot, which position failed and how many have by then stands in the PROXY header (HAProxy calls it a unique id),
where no visitor can write and which no app sees.
"""

from pathlib import Path

from pvdify.adapters.haproxy import pages
from pvdify.adapters.haproxy.maps import TARGETS

SLOT_HEADER = "X-Pvdify-Slot"
TABLE = "repeated"  # what is in flight where it came second; all else is counted where it came first
TARGET, _OURSELVES = 1, 2  # numbers of the two servers
_MOST_TRIES = 4  # where nothing answers, a visitor is to know it soon
# Where nobody is left to refuse, nothing comes back at all. A full queue is asked again after a second.
_GIVES_UP_AFTER = "1500ms"
KINDS = f"""\
    acl is_safe method GET HEAD OPTIONS
    acl has_body req.hdr_cnt(transfer-encoding) gt 0
    acl has_body req.hdr_val(content-length) gt 0
    acl came_back srv_id {_OURSELVES}
    acl by_app srv_id {TARGET}
    acl by_app res.hdr({SLOT_HEADER.lower()}) -m found
"""
# The instance that answered in the end. What another frontend of ours made up has no such header: not the app's fault.
ANSWERED = f"""\
    http-response set-var(txn.target) res.hdr({SLOT_HEADER.lower()}) if came_back by_app
"""


def told(*, failed: str) -> str:
    """What the next try is told, if one is needed; ``failed``: how many have failed by then."""
    return f"unique-id-format %[var(txn.slot)]:%[var(txn.one)]:{failed}"


def frontend(command_socket: Path) -> str:
    """Chooses the next instance, and leaves the request as the visitors' frontend made it."""
    return f"""\
frontend second_try
    bind {_socket(command_socket)} mode 600 accept-proxy
    {told(failed="%[var(txn.failed),add(1)]")}
{KINDS}    http-request set-var(txn.slot) fc_pp_unique_id,field(1,:)
    http-request set-var(txn.failed) fc_pp_unique_id,field(3,:)
    http-request set-var(txn.count) var(txn.slot),map_str_int({TARGETS})
    http-request return {pages.response(pages.UNAVAILABLE)} unless {{ var(txn.count) -m int gt 0 }}
    http-request set-var(txn.one) fc_pp_unique_id,field(2,:),add(1),mod(txn.count)
    http-request set-var(txn.place) var(txn.slot),concat(/,txn.one)
    http-request set-var(txn.number) var(txn.place),map({TARGETS})
    http-request set-var(txn.target) var(txn.slot),concat(:,txn.number)
    http-request track-sc0 var(txn.target) table {TABLE}
    http-request set-var(txn.port) var(txn.target),map_str_int({TARGETS})
    http-request set-dst ipv4(127.0.0.1)
    http-request set-dst-port var(txn.port)
    http-response set-header {SLOT_HEADER} %[var(txn.target)] unless came_back

    acl is_last var(txn.count),sub(txn.failed) le 1
    acl is_last var(txn.failed) -m int ge {_MOST_TRIES - 1}
    use_backend pooled_of_several if !is_last is_safe !has_body
    use_backend fresh_of_several unless is_last
    use_backend pooled if is_safe !has_body
    default_backend fresh
"""


def backends(command_socket: Path) -> str:
    """As ``pooled`` and ``fresh``, with a second try; and the table of what came second."""
    servers = f"""\
    retries 1
    option redispatch 1
    timeout connect {_GIVES_UP_AFTER}
    use-server target if TRUE
    server target 0.0.0.0:0 id {TARGET}
    server ourselves {_socket(command_socket)} id {_OURSELVES} send-proxy-v2 proxy-v2-options unique-id
"""
    return f"""\
backend pooled_of_several
    http-reuse always
    retry-on conn-failure empty-response
{servers}
backend fresh_of_several
    http-reuse never
    retry-on conn-failure
{servers}
backend {TABLE}
    stick-table type string len 64 size 20k store conn_cur
"""


def _socket(command_socket: Path) -> str:
    return f"unix@{command_socket.with_name('again.sock')}"
