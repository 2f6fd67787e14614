"""Send a request that an instance refused to another instance of its slot. Rules as text.

Every request gets a new connection, and a request is sent again only if no connection could be made: nothing of it has
reached an instance then. A request that an instance accepted is never sent again, because the instance may have begun.

HAProxy fixes a request's port once, so a retry of its own meets the same dead port. Where a slot has several instances,
its backend therefore has a second server beside the chosen target: the router itself, on a socket that no other program
can open. What arrives there goes on to the next position of its slot; if that one refuses too, in the same way again.

Which slot, which position failed and how many have by then stands in the PROXY header (HAProxy calls it a unique id),
where no visitor can write and which no app sees.
"""

from pathlib import Path

from pvdify.adapters.haproxy import pages
from pvdify.adapters.haproxy.maps import ADDRESSES, LOOPBACK, TARGETS, TIMEOUTS

SLOT_HEADER = "X-Pvdify-Slot"
TABLE = "repeated"  # what is in flight where it came second; all else is counted where it came first
TARGET, _OURSELVES = 1, 2  # numbers of the two servers
_MOST_TRIES = 4  # where nothing answers, a visitor is to know it soon
# Without another target, nothing comes back at all. A full queue is asked again after a second.
_GIVES_UP_AFTER = "1500ms"
# ``http-reuse never`` alone leaves the connection with a keep-alive visitor, whose next request meets it closing.
# HAProxy sets this timeout in backends only; where the map has no entry, that of the defaults stays.
FRESH = f"""\
    option http-server-close
    http-reuse never
    retry-on conn-failure
    http-request set-timeout server var(txn.app),map_str_int({TIMEOUTS}) if {{ var(txn.app),map({TIMEOUTS}) -m found }}
"""
KINDS = f"""\
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
    http-request set-var(txn.app) var(txn.slot),field(1,/)
    http-request set-var(txn.failed) fc_pp_unique_id,field(3,:)
    http-request set-var(txn.count) var(txn.slot),map_str_int({TARGETS})
    http-request return {pages.response(pages.UNAVAILABLE)} unless {{ var(txn.count) -m int gt 0 }}
    http-request set-var(txn.one) fc_pp_unique_id,field(2,:),add(1),mod(txn.count)
    http-request set-var(txn.place) var(txn.slot),concat(/,txn.one)
    http-request set-var(txn.number) var(txn.place),map({TARGETS})
    http-request set-var(txn.target) var(txn.slot),concat(:,txn.number)
    http-request track-sc0 var(txn.target) table {TABLE}
    http-request set-var(txn.port) var(txn.target),map_str_int({TARGETS})
    http-request set-dst var(txn.target),map({ADDRESSES},{LOOPBACK})
    http-request set-dst-port var(txn.port)
    http-response set-header {SLOT_HEADER} %[var(txn.target)] unless came_back

    acl is_last var(txn.count),sub(txn.failed) le 1
    acl is_last var(txn.failed) -m int ge {_MOST_TRIES - 1}
    use_backend one_of_several unless is_last
    default_backend only_one
"""


def backends(command_socket: Path) -> str:
    """As ``only_one``, with a second try; and the table of requests that came second."""
    return f"""\
backend one_of_several
{FRESH}    retries 1
    option redispatch 1
    timeout connect {_GIVES_UP_AFTER}
    use-server target if TRUE
    server target 0.0.0.0:0 id {TARGET}
    server ourselves {_socket(command_socket)} id {_OURSELVES} send-proxy-v2 proxy-v2-options unique-id

backend {TABLE}
    stick-table type string len 64 size 20k store conn_cur
"""


def _socket(command_socket: Path) -> str:
    return f"unix@{command_socket.with_name('again.sock')}"
