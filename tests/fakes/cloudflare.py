"""Cloudflare's API in memory, behind the ``web`` port: strict about requests, with scripted failures.

Each request is held against the published OpenAPI document: a path, a query or a body that is not in it is a fault of
ours and fails the test. It keeps the promises of Cloudflare's documentation and knows nothing of our code.
"""

import itertools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from jsonschema import Draft202012Validator

from pvdify.errors import ServiceUnavailable
from pvdify.plumbing.web import WebAnswer, WebRequest
from tests.fakes import cloudflared_rules

ACCOUNT = "a" * 32
ALL = frozenset({"zone", "dns", "tunnel"})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: a status, or no answer at all; ``is_done``: the work is done all the same."""

    status: int | None = None
    is_done: bool = False
    headers: dict[str, str] = field(default_factory=dict)


class FakeCloudflare:
    """Zones, records and tunnels of one account. ``next_fault`` is asked before each request."""

    def __init__(self, *zones: str, permissions: frozenset[str] = ALL) -> None:
        self.zones = {f"{number:032x}": name for number, name in enumerate(zones, start=1)}
        self.records: dict[str, dict[str, Any]] = {}
        self.tunnels: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, tuple[int, dict[str, Any]]] = {}
        self.permissions = permissions
        self.token = "cf-token"
        self.next_fault: Callable[[], Fault | None] = lambda: None
        self.before_request: Callable[[WebRequest], None] = lambda request: None
        self.locked_zones: set[str] = set()  # names of zones whose records the token may not read or change
        self.hidden: set[str] = set()  # hostnames that are taken, though no record of them is listed
        self.connector_version: int | None = None
        self.asked: list[str] = []
        self._ids = itertools.count(1000)

    # What tests read and change beside the API.

    def add_record(self, name: str, content: str, type: str = "CNAME", **more: Any) -> dict[str, Any]:
        """Add a DNS record as an operator does."""
        zone = next(id for id, zone in self.zones.items() if name == zone or name.endswith(f".{zone}"))
        record = {"id": self._id(), "zone": zone, "name": name, "type": type, "content": content, "proxied": False,
                  "ttl": 1, "comment": ""} | more  # fmt: skip
        self.records[record["id"]] = record
        return record

    def add_tunnel(self, name: str, ingress: list[dict[str, Any]], **more: Any) -> str:
        """Add a tunnel as an operator does."""
        id = f"{next(self._ids):08d}-0000-4000-8000-000000000000"
        self.tunnels[id] = {"id": id, "name": name, "status": "inactive", "deleted_at": None,
                            "config_src": "cloudflare"} | more  # fmt: skip
        self.configs[id] = (1, {"ingress": ingress, "warp-routing": {"enabled": False}})
        return id

    def leads(self) -> dict[str, str]:
        """Name -> content of every record."""
        return {record["name"]: record["content"] for record in self.records.values()}

    def ingress(self, tunnel: str) -> list[tuple[str, str]]:
        """Hostname and service of each rule."""
        return [(rule.get("hostname", ""), rule["service"]) for rule in self.configs[tunnel][1]["ingress"]]

    # The ``web`` port.

    async def ask(self, request: WebRequest) -> WebAnswer:
        url = urlsplit(request.url)
        if url.hostname == "127.0.0.1":
            return self._connector()
        path, query = url.path.removeprefix("/client/v4"), dict(parse_qsl(url.query))
        body = json.loads(request.content) if request.content else None
        operation = _check(request.method, path, query, body)
        self.asked.append(f"{request.method} {operation}")
        self.before_request(request)
        fault = self.next_fault()
        if fault is None or fault.is_done:
            answer = self._answer(request, path, query, body)
        if fault is None:
            return answer
        if fault.status is None:
            raise ServiceUnavailable("api.cloudflare.com does not answer", why="the connection was lost")
        return WebAnswer(status=fault.status, headers=fault.headers, content=b"upstream error")

    def _connector(self) -> WebAnswer:
        """cloudflared's own page on the server; ``connector_version`` None: it does not run."""
        if self.connector_version is None:
            raise ServiceUnavailable("127.0.0.1 does not answer", why="connection refused")
        return WebAnswer(status=200, content=json.dumps({"version": self.connector_version, "config": {}}).encode())

    def _answer(self, request: WebRequest, path: str, query: dict[str, str], body: Any) -> WebAnswer:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _errors(403, (9109, "Invalid access token"))
        needed = "dns" if "dns_records" in path else "tunnel" if "cfd_tunnel" in path else "zone"
        is_locked = needed == "dns" and self.zones[path.split("/")[2]] in self.locked_zones
        if needed not in self.permissions or is_locked:
            return _errors(403, (10000, "Authentication error"))
        parts = path.strip("/").split("/")
        if parts == ["zones"]:
            return self._list_zones(query)
        if "dns_records" in parts:
            return self._on_records(request.method, parts[1], parts[3:], query, body)
        return self._on_tunnels(request.method, parts[3:], query, body)

    def _list_zones(self, query: dict[str, str]) -> WebAnswer:
        zones = [{"id": id, "name": name, "account": {"id": ACCOUNT}} for id, name in self.zones.items()]
        return _result(_page(zones, query))

    def _on_records(self, method: str, zone: str, rest: list[str], query: dict[str, str], body: Any) -> WebAnswer:
        held = {id: record for id, record in self.records.items() if record["zone"] == zone}
        if method == "GET":
            return _result(_page([record for record in held.values() if _matches(record, query)], query))
        if method == "POST":
            taken = (it["name"] for it in held.values() if it["type"] in ("A", "AAAA", "CNAME"))
            if body["name"] in {*taken, *self.hidden}:
                return _errors(400, (81053, "An A, AAAA, or CNAME record with that host already exists."))
            if not body["name"].endswith(self.zones[zone]):
                body["name"] += f".{self.zones[zone]}"
            record = {"id": self._id(), "zone": zone, **body}
            self.records[record["id"]] = record
            return _result(record)
        if rest[0] not in held:
            return _errors(404, (81044, "Record does not exist."))
        if method == "DELETE":
            del self.records[rest[0]]
            return _result({"id": rest[0]})
        self.records[rest[0]] |= body
        return _result(self.records[rest[0]])

    def _on_tunnels(self, method: str, rest: list[str], query: dict[str, str], body: Any) -> WebAnswer:
        if not rest:
            return self._find_or_make_tunnel(method, query, body)
        id = rest[0]
        if id not in self.tunnels or self.tunnels[id]["deleted_at"]:
            return _errors(404, (1003, "Tunnel not found"))
        if rest[1:] == ["token"]:
            return _result(f"run-token-of-{id}")
        if rest[1:] == ["configurations"]:
            return self._on_config(method, id, body)
        if self.tunnels[id]["status"] == "healthy":
            return _errors(400, (1022, "Cannot delete tunnel because it has active connections"))
        self.tunnels[id]["deleted_at"] = "2026-01-01T00:00:00Z"
        return _result(self.tunnels[id])

    def _on_config(self, method: str, id: str, body: Any) -> WebAnswer:
        if method == "PUT":
            if refused := cloudflared_rules.problem(body["config"]["ingress"]):
                return _errors(400, (1056, refused))
            self.configs[id] = (self.configs[id][0] + 1, body["config"])
        version, config = self.configs[id]
        return _result({"tunnel_id": id, "version": version, "config": config or None})

    def _find_or_make_tunnel(self, method: str, query: dict[str, str], body: Any) -> WebAnswer:
        name = query.get("name") if method == "GET" else body["name"]
        found = [it for it in self.tunnels.values() if it["name"] == name and not it["deleted_at"]]
        if method == "GET":
            return _result(found)
        if found:
            return _errors(409, (1013, "You already have a tunnel with this name."))
        id = self.add_tunnel(body["name"], [])
        self.configs[id] = (0, {})
        return _result(self.tunnels[id])

    def _id(self) -> str:
        return f"{next(self._ids):032x}"


def _result(result: Any) -> WebAnswer:
    content = {"success": True, "errors": [], "messages": [], "result": result}
    return WebAnswer(status=200, content=json.dumps(content).encode())


def _errors(status: int, *errors: tuple[int, str]) -> WebAnswer:
    listed = [{"code": code, "message": message} for code, message in errors]
    content = {"success": False, "errors": listed, "messages": [], "result": None}
    return WebAnswer(status=status, content=json.dumps(content).encode())


def _page(items: list[Any], query: dict[str, str]) -> list[Any]:
    page, size = int(query.get("page", "1")), int(query.get("per_page", "20"))
    return items[(page - 1) * size : page * size]


def _matches(record: dict[str, Any], query: dict[str, str]) -> bool:
    if "comment.exact" in query and record.get("comment") != query["comment.exact"]:
        return False
    return query.get("search", "") in f"{record['name']} {record['content']} {record.get('comment', '')}"


@cache
def _operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    document = json.loads((Path(__file__).parent / "cloudflare_openapi.json").read_text())
    return [(it["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", it["path"])), it) for it in document["operations"]]


def _check(method: str, path: str, query: dict[str, str], body: Any) -> str:
    """The published operation that the request is, to the letter. Raises AssertionError."""
    for known, pattern, operation in _operations():
        if known == method and pattern.fullmatch(path):
            unknown = set(query) - set(operation["query"])
            assert not unknown, f"{method} {path}: no such query {unknown}"
            for name, text in query.items():
                _hold(_value(text, operation["query"][name]), operation["query"][name])
            assert (body is None) is (operation["body"] is None), f"{method} {path}: body {body}"
            if body is not None:
                _hold(body, operation["body"])
            return str(operation["path"])
    raise AssertionError(f"{method} {path} is not part of Cloudflare's API")


def _hold(value: Any, schema: dict[str, Any]) -> None:
    """Raises ValidationError."""
    for error in Draft202012Validator(schema).iter_errors(value):
        raise error


def _value(text: str, schema: dict[str, Any]) -> Any:
    if schema.get("type") == "boolean":
        return {"true": True, "false": False}.get(text, text)
    return int(text) if schema.get("type") == "number" and text.isdecimal() else text
