"""What cloudflared demands of its ingress rules before it runs with them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

_SCHEMES = frozenset({"http", "https", "tcp", "ssh", "rdp", "smb", "ws", "wss", "unix", "unix+tls"})
_NAMED = frozenset({"hello_world", "hello-world", "bastion", "socks-proxy"})


def problem(rules: Sequence[Mapping[str, Any]]) -> str | None:
    """What cloudflared would refuse them for; None if it would run."""
    return next(_problems(rules), None)


def _problems(rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rules:
        yield "there are no rules"
    for number, rule in enumerate(rules, start=1):
        is_last, hostname = number == len(rules), rule.get("hostname", "")
        matches_all = hostname in ("", "*") and not rule.get("path")
        if is_last and not matches_all:
            yield "the last rule must match all URLs"
        if matches_all and not is_last:
            yield f"rule {number} matches everything, so that the rules after it never do"
        if "*" in hostname.removeprefix("*.") and hostname != "*":
            yield f"{hostname}: a wildcard stands for the first label alone"
        if ":" in hostname:
            yield f"{hostname}: a hostname has no port"
        if not _is_service(rule.get("service", "")):
            yield f"{rule.get('service')!r} is no service"


def _is_service(service: str) -> bool:
    status = re.fullmatch(r"http_status:(\d{3})", service)
    if status:
        return 100 <= int(status[1]) <= 599
    parts = urlsplit(service)
    if parts.scheme in ("unix", "unix+tls"):
        return service.removeprefix(f"{parts.scheme}:") != ""
    return service in _NAMED or (parts.scheme in _SCHEMES and bool(parts.hostname) and parts.path in ("", "/"))
