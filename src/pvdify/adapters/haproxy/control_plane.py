"""Rules, as text, that send requests for this server's own API and dashboard to pvdifyd.

The rules need no map entry, so both are reachable as soon as the router runs. Requests are limited per address: above
the limit, the router answers 429 and the request does not reach pvdifyd. For the API, the router's own answers are
problem documents like pvdifyd's.
"""

import json
from dataclasses import dataclass

from pvdify.adapters.haproxy import pages
from pvdify.adapters.haproxy.pages import Page
from pvdify.ports.router import API_KEY_HEADER
from pvdify.settings import Address

PATH = "/api/v1"
REQUESTS, SECONDS = 600, 10  # limit of requests per so many seconds and address; IPv6 addresses count by /64
MAX_IN_FLIGHT = 100  # requests per address; a stream counts until it ends
MAX_OF_ALL = 512  # requests to the API at once: half of the connections that pvdifyd accepts
MAX_OF_PAGES = 256  # requests to the dashboard at once, in addition
_RESTART = 5  # seconds that requests wait for pvdifyd while it starts
_SERVER = 3  # id of the server; ``second_try`` uses 1 and 2
_CALLERS, _BACKEND = "callers", "control_plane"
_TITLES = {429: "Too many requests", 502: "Unavailable", 503: "Unavailable", 504: "Unavailable"}
_NEXT_STEP = "later; apps and their visitors are not affected"
_DASHBOARD = "dashboard"
_PAGES = """\
    acl is_metrics path,field(2,/) -m str metrics
    http-request set-var(txn.is_page) bool(true) if is_own_host !is_own_path !is_metrics
    acl is_page var(txn.is_page) -m bool
"""
_TOO_OFTEN = Page(
    status=429, title="Too many requests", text="Too many requests came from your address. Please wait ten seconds.",
    retry_after=SECONDS,
)  # fmt: skip
_PAGES_TOO_OFTEN = f"    http-request return {pages.response(_TOO_OFTEN)} if is_page calls_too_often\n"
_PAGES_AWAY = tuple(
    Page(
        status=status, title="Back in a moment", retry_after=_RESTART,
        text="pvdifyd does not answer: it is starting, or it is stopped. Apps and their visitors are not affected.",
    )
    for status in (502, 503, 504)
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """Where the API is reachable, and where pvdifyd listens.

    ``prefix``: the part of the public path before PATH. ``has_dashboard``: the hostname's other paths go to pvdifyd,
    too.
    """

    hostname: str
    prefix: str
    listen: Address
    has_dashboard: bool = False


def rules(plane: ControlPlane | None, key: str) -> str:
    """Return the rules that end the visitors' rules for requests to pvdifyd; "" if it is not exposed.

    ``key``: the secret by which pvdifyd recognizes the router, whose header about the client's address it trusts.
    """
    if plane is None:
        return ""
    path = f"{plane.prefix}{PATH}"
    strip = f"    http-request set-path %[path,regsub(^{plane.prefix},)] if is_api\n" if plane.prefix else ""
    is_ours = "is_api || is_page" if plane.has_dashboard else "is_api"
    return f"""
    # this server's own API{" and dashboard" if plane.has_dashboard else ""}
    acl is_own_host var(txn.hostname) -m str {plane.hostname}
    acl is_own_path path -m str {path}
    acl is_own_path path -m beg {path}/
    http-request set-var(txn.is_api) bool(true) if is_own_host is_own_path
    acl is_api var(txn.is_api) -m bool
{_PAGES if plane.has_dashboard else ""}\
    http-request track-sc1 var(txn.client),ipmask(32,64) table {_CALLERS} if {is_ours}
    acl calls_too_often sc1_http_req_rate gt {REQUESTS}
    acl calls_too_often sc1_conn_cur gt {MAX_IN_FLIGHT}
    http-request return {_too_many()} if is_api calls_too_often
{_PAGES_TOO_OFTEN if plane.has_dashboard else ""}{strip}\
    http-request set-header {API_KEY_HEADER} {key} if {is_ours}
    http-request allow if {is_ours}
"""


def choice(plane: ControlPlane | None) -> str:
    """Return the rules that choose pvdifyd's backend for requests that ``rules`` has accepted."""
    if plane is None:
        return ""
    page = f"    use_backend {_DASHBOARD} if is_page\n" if plane.has_dashboard else ""
    return f"    use_backend {_BACKEND} if is_api\n{page}"


def backends(plane: ControlPlane | None) -> tuple[str, ...]:
    """Return pvdifyd's backends and the table of client addresses. While pvdifyd restarts, requests wait."""
    if plane is None:
        return ()
    api = _backend(_BACKEND, plane, MAX_OF_ALL, [_away(status) for status in (502, 503, 504)])
    callers = f"""\
backend {_CALLERS}
    stick-table type ipv6 size 100k expire 10m store conn_cur,http_req_rate({SECONDS}s)
"""
    if not plane.has_dashboard:
        return (api, callers)
    return (api, _backend(_DASHBOARD, plane, MAX_OF_PAGES, [pages.response(page) for page in _PAGES_AWAY]), callers)


def _backend(name: str, plane: ControlPlane, most: int, errors: list[str]) -> str:
    return f"""\
backend {name}
    option http-server-close
    http-reuse never
    retry-on conn-failure
    retries {_RESTART}
    timeout queue {_RESTART}s
    timeout server 1h
{"".join(f"    http-error {error}{chr(10)}" for error in errors)}\
    server pvdifyd {plane.listen} id {_SERVER} maxconn {most}
"""


def _too_many() -> str:
    return _problem(
        429, "too-many-requests", "too many requests from this address",
        why=f"at most {REQUESTS} in {SECONDS} s and {MAX_IN_FLIGHT} at once are answered", after=SECONDS,
    )  # fmt: skip


def _away(status: int) -> str:
    return _problem(
        status, "server-unreachable", "pvdifyd does not answer", why="it is starting, or it is stopped", after=_RESTART
    )


def _problem(status: int, code: str, what: str, *, why: str, after: int) -> str:
    """Return a problem document as arguments of a HAProxy rule. HAProxy inserts the request's id."""
    document = {
        "type": f"urn:pvdify:error:{code}", "title": _TITLES[status], "status": status, "code": code, "detail": what,
        "why": why, "next": _NEXT_STEP, "request_id": "%[var(txn.request_id)]", "problems": [],
    }  # fmt: skip
    return (
        f"status {status} content-type application/problem+json lf-string '{json.dumps(document)}' "
        f"hdr Cache-Control no-store hdr Retry-After {after}"
    )
