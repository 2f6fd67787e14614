"""Who asks: the visitor's real address and protocol, the request's id, and the access log's line. Rules as text."""

from collections.abc import Sequence

from pvdify.ports.router import PROOF_PATH

LOG_DESCRIPTOR = "PVDIFY_ACCESS_LOG_FD"  # environment variable; without it the log goes to stdout
_LONGEST_LINE = 16384
# What only something in front may say. From a visitor it is removed, and does not reach the app.
_HEARSAY = ("Forwarded", "X-Forwarded-Port", "True-Client-IP")
_FIELDS = (
    ("time", '"%[date,utime(%Y-%m-%dT%H:%M:%S)].%[date(0,ms),mod(1000),add(1000),regsub(^1,)]Z"'),
    ("request_id", '"%[var(txn.request_id)]"'),
    ("client", '"%[var(txn.client)]"'),
    ("protocol", '"%[var(txn.protocol)]"'),
    ("method", '"%[var(txn.method),json(utf8s)]"'),
    ("host", '"%[var(txn.host),json(utf8s)]"'),
    ("path", '"%[var(txn.path),json(utf8s)]"'),
    ("status", "%ST"),
    ("ms", "%Ta"),
    ("wait_ms", "%Tr"),
    ("bytes_in", "%U"),
    ("bytes_out", "%B"),
    ("app", '"%[var(txn.app)]"'),
    ("target", '"%[var(txn.target)]"'),
    ("retries", '"%rc"'),
    ("ended", '"%tsc"'),
    ("agent", '"%[var(txn.agent),json(utf8s)]"'),
)


def log_target() -> str:
    """Where the lines go: a descriptor that we open, so that HAProxy needs no syslog."""
    return f'log "fd@${{{LOG_DESCRIPTOR}-1}}" len {_LONGEST_LINE} format raw daemon info'


def log_format() -> str:
    """One JSON object a line; paths without their query, which often carries secrets."""
    return "log-format '{" + ",".join(f'"{name}":{value}' for name, value in _FIELDS) + "}'"


def rules(trusted: Sequence[str], headers: Sequence[str]) -> str:
    """Set the headers about the visitor, which the visitor cannot forge.

    Args:
        trusted: networks of what stands in front, whose word is taken.
        headers: where it says the visitor's address, the best first; of a list the last entry counts, which the
            nearest one wrote.
    """
    believed = [
        f"    http-request set-var(txn.client) req.hdr_ip({name.lower()},-1) "
        f"if is_in_front {{ req.hdr_ip({name.lower()},-1) -m found }}\n"
        for name in reversed(headers)
    ]
    # A header that is not asked for would be a visitor's word, passed on by something in front that does not know it.
    unasked = [name for name in ("CF-Connecting-IP",) if name not in headers]
    return f"""\
    # who asks
    acl is_in_front src {" ".join(trusted) or "0.0.0.0/32"}
    acl has_request_id req.hdr(x-request-id) -m reg ^[A-Za-z0-9._:/+=-]{{1,128}}$
    http-request set-var(txn.at) date(0,ms)
    http-request set-var(txn.method) method
    http-request set-var(txn.host) req.hdr(host)
    http-request set-var(txn.path) path
    http-request set-var(txn.agent) req.hdr(user-agent)
    http-request set-var(txn.request_id) req.hdr(x-request-id) if has_request_id
    http-request set-var(txn.request_id) uuid() unless has_request_id
    http-request set-var(txn.client) src
{"".join(believed)}\
    http-request set-var(txn.protocol) str(http)
    http-request set-var(txn.protocol) str(https) if is_in_front {{ req.hdr(x-forwarded-proto),lower -m str https }}
    http-request set-header X-Request-Id %[var(txn.request_id)]
    http-request set-header X-Forwarded-For %[var(txn.client)]
    http-request set-header X-Real-IP %[var(txn.client)]
    http-request set-header X-Forwarded-Proto %[var(txn.protocol)]
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
{"".join(f"    http-request del-header {name}{chr(10)}" for name in (*_HEARSAY, *unasked))}\
    http-request del-header CF-Connecting-IP unless is_in_front
    http-after-response set-header X-Request-Id %[var(txn.request_id)]
"""


def proof(key: str) -> str:
    """Answer a question of ours about ourselves, that comes back through the public address.

    Only a router with our key knows the answer, which depends on the slot that is live; it tells others nothing.
    """
    return (
        "    http-request return status 200 content-type text/plain lf-string "
        f'"%[path,concat(:,txn.slot),hmac(sha256,{key}),hex,lower]" hdr Cache-Control no-store '
        f"if {{ path_beg {PROOF_PATH} }}\n"
    )
