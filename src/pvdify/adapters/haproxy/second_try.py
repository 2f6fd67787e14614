"""Rules, as text, that send a request again, to another instance of its slot, if an instance refused the connection.

Every request gets a new connection. A request is sent again only if no connection could be made, so that no part of the
request has reached an instance. A request that an instance accepted is never sent again, because the instance may
already be processing the request.

HAProxy sets a request's port once, so its own retries go to the same dead port. So for a slot with several instances,
the backend has a second server besides the chosen target: the router itself, on a socket that no other program can
open. A request that arrives there goes to the next position of its slot. If that instance refuses, too, the request
takes the same way again, with two instances back to the first one: a lost packet or a full queue may have been all that
kept this one from answering, while the other one's machine is gone.

The slot, the position that failed and the number of failures so far are in the PROXY header (HAProxy calls the field a
unique id). Visitors cannot write to this header, and apps do not receive it.
"""

from pathlib import Path

from pvdify.adapters.haproxy import pages
from pvdify.adapters.haproxy.maps import ADDRESSES, LOOPBACK, TARGETS, TIMEOUTS

SLOT_HEADER = "X-Pvdify-Slot"
TABLE = "repeated"  # requests in flight at a later target; all other counts are kept at the first target
TARGET, _ROUTER = 1, 2  # ids of the two servers
_MOST_TRIES = 4  # so that a visitor gets an error soon if no instance answers
# A removed container may leave nothing that refuses the connection. The kernel repeats an attempt after a second, so a
# target whose queue was full is asked twice.
_GIVES_UP_AFTER = "1500ms"
# With ``http-reuse never`` alone, a keep-alive visitor's next request would use the same connection, which the app may
# be closing. The server timeout can be set in backends only; without a map entry, the default applies.
FRESH = f"""\
    option http-server-close
    http-reuse never
    retry-on conn-failure
    http-request set-timeout server var(txn.app),map_str_int({TIMEOUTS}) if {{ var(txn.app),map({TIMEOUTS}) -m found }}
"""
KINDS = f"""\
    acl came_back srv_id {_ROUTER}
    acl by_app srv_id {TARGET}
    acl by_app res.hdr({SLOT_HEADER.lower()}) -m found
"""
# The instance that finally answered. An answer without the header is from the router's second frontend, not the app.
ANSWERED = f"""\
    http-response set-var(txn.target) res.hdr({SLOT_HEADER.lower()}) if came_back by_app
"""


def unique_id_format(*, failed: str) -> str:
    """Return the rule that passes slot, position and number of failures to the next try.

    ``failed``: the number of failures by then, or an expression for it.
    """
    return f"unique-id-format %[var(txn.slot)]:%[var(txn.one)]:{failed}"


def frontend(command_socket: Path) -> str:
    """Return the frontend that chooses the next instance. It does not change the request otherwise."""
    return f"""\
frontend second_try
    bind {_socket(command_socket)} mode 600 accept-proxy
    {unique_id_format(failed="%[var(txn.failed),add(1)]")}
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

    acl is_last var(txn.count) -m int le 1
    acl is_last var(txn.failed) -m int ge {_MOST_TRIES - 1}
    use_backend one_of_several unless is_last
    default_backend only_one
"""


def backends(command_socket: Path) -> str:
    """Return the backend for slots with several instances, and the table of requests at a later target."""
    return f"""\
backend one_of_several
{FRESH}    retries 1
    option redispatch 1
    timeout connect {_GIVES_UP_AFTER}
    use-server target if TRUE
    server target 0.0.0.0:0 id {TARGET}
    server ourselves {_socket(command_socket)} id {_ROUTER} send-proxy-v2 proxy-v2-options unique-id

backend {TABLE}
    stick-table type string len 64 size 20k store conn_cur
"""


def _socket(command_socket: Path) -> str:
    return f"unix@{command_socket.with_name('again.sock')}"
