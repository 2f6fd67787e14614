"""Understanding what HAProxy says. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_VERSION = re.compile(r"HA-?Proxy version ((\d+)\.(\d+)\S*)")
_VALUE = re.compile(r'found=yes, .*value="(?P<value>[^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Version:
    """``text`` is exactly what a process of this version calls itself."""

    text: str
    number: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """Who answers on the socket, and which configuration text it was started with."""

    pid: int
    version: str
    fingerprint: str
    connections: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """The stick table's row of one target."""

    in_flight: int = 0
    requests: int = 0
    errors: int = 0  # 5xx that visitors got
    app_errors: int = 0  # those of them that the app sent


def version(text: str) -> Version | None:
    """What ``haproxy -v`` printed."""
    match = _VERSION.search(text)
    return Version(text=match[1], number=(int(match[2]), int(match[3]))) if match else None


def process_info(answer: str) -> ProcessInfo | None:
    """The answer to ``show info``."""
    fields = _fields(answer)
    try:
        return ProcessInfo(
            pid=int(fields["Pid"]),
            version=fields["Version"],
            fingerprint=fields.get("description", ""),
            connections=int(fields["CurrConns"]),
        )
    except (KeyError, ValueError):
        return None


def map_entries(answer: str) -> dict[str, str]:
    """The answer to ``show map FILE``: an address, the key and the value on each line."""
    return {words[1]: words[2] for line in answer.splitlines() if len(words := line.split()) == 3}


def map_value(answer: str) -> str | None:
    """The answer to ``get map FILE KEY``."""
    match = _VALUE.search(answer)
    return match["value"] if match else None


def counts(answer: str) -> Counts:
    """The answer to ``show table TABLE key KEY``; all zero when there is no such row."""
    for line in answer.splitlines():
        if " key=" in line:
            row = dict(word.split("=", 1) for word in line.split() if "=" in word)
            return Counts(
                in_flight=int(row.get("conn_cur", 0)),
                requests=int(row.get("http_req_cnt", 0)),
                errors=int(row.get("gpc0", 0)),
                app_errors=int(row.get("gpc1", 0)),
            )
    return Counts()


def complaint(stderr: str) -> str:
    """HAProxy's own words about why it does not start: its alerts without their prefixes."""
    alerts = [line.partition(" : ")[2].strip() for line in stderr.splitlines() if line.startswith("[ALERT]")]
    return "; ".join(alerts[:3]) or stderr.strip()[-300:]


def _fields(answer: str) -> Mapping[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(": ") for line in answer.splitlines())}
