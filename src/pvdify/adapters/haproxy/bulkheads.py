"""Limit what one peer, one app and one preview take of the router, so that others get through. Rules as text.

A connection costs a descriptor, a request that an instance works at one more. Until a head is complete nothing says
whose hostname it is, so connections are limited by time and by peer; requests by app.
"""

from collections.abc import Sequence

from pvdify.adapters.haproxy import pages

MAX_CONNECTIONS = 12_000
MAX_REQUESTS = 7_000  # in flight; with the connections below the 20,000 descriptors that small servers allow
MAX_OF_APP = 4_000
MAX_OF_PREVIEW = 700
MAX_OF_PEER = 1_000  # connections of one address that does not stand in front
HEAD_WITHIN = 5  # seconds; what stands in front sends heads whole
_PEERS, _APPS = "peers", "apps"


def connections(trusted: Sequence[str]) -> str:
    """Limit the connections of an address, unless it stands in front and speaks for many visitors."""
    stranger = f"unless {{ src {' '.join(trusted)} }}" if trusted else ""
    return f"""\
    # one peer, one app and one preview leave room for the others
    tcp-request connection track-sc2 src table {_PEERS} {stranger}
    tcp-request connection reject if {{ sc2_conn_cur gt {MAX_OF_PEER} }}
"""


def requests() -> str:
    """Limit the requests in flight of an app and of all; the server's own questions always pass."""
    too_busy = pages.response(pages.TOO_BUSY)
    return f"""\
    http-request track-sc1 var(txn.app) table {_APPS}
    acl is_preview var(txn.app) -m reg -- -pr-[1-9][0-9]*$
    acl is_full sc1_conn_cur gt {MAX_OF_APP}
    http-request set-var(txn.of_several) be_conn(one_of_several)
    http-request set-var(txn.in_flight) be_conn(only_one),add(txn.of_several)
    acl is_full var(txn.in_flight) -m int ge {MAX_REQUESTS}
    http-request return {too_busy} if is_full !confirms !proves
    http-request return {too_busy} if is_preview {{ sc1_conn_cur gt {MAX_OF_PREVIEW} }} !confirms !proves
"""


def tables() -> str:
    """The tables of connections by peer, and of requests in flight by app."""
    return f"""\
backend {_PEERS}
    stick-table type ipv6 size 100k expire 10m store conn_cur

backend {_APPS}
    stick-table type string len 64 size 20k expire 10m store conn_cur
"""
