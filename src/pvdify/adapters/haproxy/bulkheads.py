"""Limits for each peer, app and preview, so that the router has capacity for the others. Rules as text.

A connection costs a file descriptor, and a request at an instance costs another one. The app is known only when the
request's headers are complete. So connections are limited by time and by peer, and requests by app.
"""

from collections.abc import Sequence

from pvdify.adapters.haproxy import pages

MAX_CONNECTIONS = 12_000
MAX_REQUESTS = 7_000  # in flight; with the connections below 20,000, the descriptors that small servers allow
MAX_OF_APP = 4_000  # requests in flight
MAX_OF_PREVIEW = 700  # requests in flight
MAX_OF_PEER = 1_000  # connections of an address that is not a trusted proxy
HEAD_WITHIN = 5  # seconds for a request's headers; proxies in front of the router send them at once
_PEERS, _APPS = "peers", "apps"


def connections(trusted: Sequence[str]) -> str:
    """Return the rules that limit connections by address. Trusted proxies, which serve many visitors, have no limit."""
    untrusted = f"unless {{ src {' '.join(trusted)} }}" if trusted else ""
    return f"""\
    # limits for each peer, app and preview
    tcp-request connection track-sc2 src table {_PEERS} {untrusted}
    tcp-request connection reject if {{ sc2_conn_cur gt {MAX_OF_PEER} }}
"""


def requests() -> str:
    """Return the rules that limit requests in flight, per app and in total. pvdifyd's own requests always pass."""
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
    """Return the tables that count connections by peer and requests in flight by app."""
    return f"""\
backend {_PEERS}
    stick-table type ipv6 size 100k expire 10m store conn_cur

backend {_APPS}
    stick-table type string len 64 size 20k expire 10m store conn_cur
"""
