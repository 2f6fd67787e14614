"""Rules, as text, for the visitor's real address and protocol, the request's id, and the access log's lines."""

from collections.abc import Sequence

from pvdify.ports.router import PROOF_PATH

LOG_DESCRIPTOR = "PVDIFY_ACCESS_LOG_FD"  # environment variable; without it the log goes to stdout
_LONGEST_LINE = 16384  # bytes
# Headers that the router cannot verify. They are removed from every request, so that no app trusts them.
_UNVERIFIED = ("Forwarded", "X-Forwarded-Port", "True-Client-IP")
# What visitors write is shortened, because a line longer than ``_LONGEST_LINE`` could not be read. JSON needs up to six
# bytes for each byte.
_FIELDS = (
    ("time", '"%[date,utime(%Y-%m-%dT%H:%M:%S)].%[date(0,ms),mod(1000),add(1000),regsub(^1,)]Z"'),
    ("request_id", '"%[var(txn.request_id)]"'),
    ("client", '"%[var(txn.client)]"'),
    ("protocol", '"%[var(txn.protocol)]"'),
    ("method", '"%[var(txn.method),bytes(0,32),json(utf8s)]"'),
    ("host", '"%[var(txn.host),bytes(0,255),json(utf8s)]"'),
    ("path", '"%[var(txn.path),bytes(0,1024),json(utf8s)]"'),
    ("status", "%ST"),
    ("ms", "%Ta"),
    ("wait_ms", "%Tr"),
    ("bytes_in", "%U"),
    ("bytes_out", "%B"),
    ("app", '"%[var(txn.app)]"'),
    ("target", '"%[var(txn.target)]"'),
    ("retries", '"%rc"'),
    ("ended", '"%tsc"'),
    ("agent", '"%[var(txn.agent),bytes(0,512),json(utf8s)]"'),
)


def log_target() -> str:
    """Return the rule that writes the log to a descriptor that pvdifyd opens, so that HAProxy needs no syslog."""
    return f'log "fd@${{{LOG_DESCRIPTOR}-1}}" len {_LONGEST_LINE} format raw daemon info'


def log_format() -> str:
    """Return the rule for one JSON object per line. Paths are logged without the query, which often has secrets."""
    return "log-format '{" + ",".join(f'"{name}":{value}' for name, value in _FIELDS) + "}'"


def rules(trusted: Sequence[str], headers: Sequence[str]) -> str:
    """Return the rules that set headers about the visitor, which the visitor cannot forge.

    Args:
        trusted: networks of the proxies in front, whose headers are trusted.
        headers: headers with the visitor's address, the best first. Of a list of addresses the last one counts, which
            the nearest proxy wrote.
    """
    from_front = [
        f"    http-request set-var(txn.client) req.hdr_ip({name.lower()},-1) "
        f"if is_in_front {{ req.hdr_ip({name.lower()},-1) -m found }}\n"
        for name in reversed(headers)
    ]
    # A header that is not in ``headers`` may come from the visitor, through a proxy that does not know the header.
    unexpected = [name for name in ("CF-Connecting-IP",) if name not in headers]
    return f"""\
    # the visitor's address and protocol, and the request's id
    acl is_in_front src {" ".join(trusted) or "0.0.0.0/32"}
    acl has_request_id req.hdr(x-request-id) -m reg ^[A-Za-z0-9._:/+=-]{{1,128}}$
    http-request set-var(txn.at) date(0,ms)
    http-request set-var(txn.method) method
    http-request set-var(txn.host) req.hdr(host)
    http-request set-var(txn.hostname) var(txn.host),field(1,:),lower,regsub([.]$,)
    http-request set-var(txn.path) path
    http-request set-var(txn.agent) req.hdr(user-agent)
    http-request set-var(txn.request_id) req.hdr(x-request-id) if has_request_id
    http-request set-var(txn.request_id) uuid() unless has_request_id
    http-request set-var(txn.client) src
{"".join(from_front)}\
    http-request set-var(txn.protocol) str(http)
    http-request set-var(txn.protocol) str(https) if is_in_front {{ req.hdr(x-forwarded-proto),lower -m str https }}
    http-request set-header X-Request-Id %[var(txn.request_id)]
    http-request set-header X-Forwarded-For %[var(txn.client)]
    http-request set-header X-Real-IP %[var(txn.client)]
    http-request set-header X-Forwarded-Proto %[var(txn.protocol)]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
{"".join(f"    http-request del-header {name}{chr(10)}" for name in (*_UNVERIFIED, *unexpected))}\
    http-request del-header CF-Connecting-IP unless is_in_front
    http-after-response set-header X-Request-Id %[var(txn.request_id)]
"""


def proof(key: str) -> str:
    """Return the rule that answers pvdifyd's request for a proof, which arrives through the public address.

    The answer depends on the live slot. Only a router with this key can compute the answer, which reveals nothing else.
    """
    return (
        "    http-request return status 200 content-type text/plain lf-string "
        f'"%[path,concat(:,txn.slot),hmac(sha256,{key}),hex,lower]" hdr Cache-Control no-store '
        f"if {{ path_beg {PROOF_PATH} }}\n"
    )
