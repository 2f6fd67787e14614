"""Parsers of HAProxy's output and of answers on its command socket. No I/O."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from pvdify.adapters.haproxy import counters
from pvdify.adapters.haproxy.counters import Counts

_VERSION = re.compile(r"HA-?Proxy version ((\d+)\.(\d+)\S*)(?: (\d{4}/\d\d?/\d\d?))?")
_KNOWN_BUGS = re.compile(r"^Known bugs: (https?://\S+)", re.MULTILINE)
_LUA = re.compile(r"^Built with Lua version|\+LUA\b", re.MULTILINE)
_VALUE = re.compile(r'found=yes, .*value="(?P<value>[^"]*)"')


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of HAProxy.

    ``text``: the version as a running process reports it. ``known_bugs``: URL of the page that lists them.
    """

    text: str
    number: tuple[int, int]
    released: date | None = None
    known_bugs: str = ""
    has_lua: bool = False


@dataclass(frozen=True, kw_only=True)
class ProcessInfo:
    """The process that answers on the socket. ``fingerprint``: that of the configuration it was started with."""

    pid: int
    version: str
    fingerprint: str
    connections: int


def version(text: str) -> Version | None:
    """Parse the output of ``haproxy -vv``; return None if a different program printed it."""
    match = _VERSION.search(text)
    if match is None:
        return None
    bugs = _KNOWN_BUGS.search(text)
    try:
        released = date(*map(int, match[4].split("/"))) if match[4] else None
    except ValueError:
        released = None
    return Version(
        text=match[1],
        number=(int(match[2]), int(match[3])),
        released=released,
        known_bugs=bugs[1] if bugs else "",
        has_lua=bool(_LUA.search(text)),
    )


def process_info(answer: str) -> ProcessInfo | None:
    """Parse the answer to ``show info``; return None if a field is missing or not a number."""
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
    """Parse the answer to ``show map FILE``: each line has an address, the key and the value."""
    return {words[1]: words[2] for line in answer.splitlines() if len(words := line.split()) == 3}


def map_value(answer: str) -> str | None:
    """Parse the answer to ``get map FILE KEY``; return None if the map has no such key."""
    match = _VALUE.search(answer)
    return match["value"] if match else None


def counts(answer: str) -> Counts:
    """Parse the answer to ``show table TABLE key KEY``; return zeros if there is no such row."""
    return next(iter(all_counts(answer).values()), Counts())


def all_counts(answer: str) -> dict[str, Counts]:
    """Parse the answer to ``show table TABLE``; return target -> counts."""
    rows = [
        dict(word.split("=", 1) for word in line.split() if "=" in word)
        for line in answer.splitlines()
        if " key=" in line
    ]
    return {row["key"]: counters.row(row) for row in rows}


def complaint(stderr: str) -> str:
    """Return why HAProxy did not start: its first three alerts without prefixes, else the end of ``stderr``."""
    alerts = [line.partition(" : ")[2].strip() for line in stderr.splitlines() if line.startswith("[ALERT]")]
    return "; ".join(alerts[:3]) or stderr.strip()[-300:]


def _fields(answer: str) -> Mapping[str, str]:
    return {name: value.strip() for name, _, value in (line.partition(": ") for line in answer.splitlines())}
