"""What the fake server of the REST API knows, and what each request does to it.

It keeps the API's promises as the documentation states them and knows nothing of the client's code: what it answers
is written out as JSON here.
"""

import base64
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

AT = "2026-11-23T11:31:02Z"


@dataclass
class Script:
    """How deploys go. ``events``: (name, data) pairs of the log; ``outcome``: what becomes of the release.

    ``cuts``: after how many events each of the next connections is cut; ``hold``: wait for it before the end.
    """

    events: list[tuple[str, str]] = field(default_factory=list)
    outcome: dict[str, Any] = field(default_factory=lambda: {"status": "active"})
    cuts: deque[int] = field(default_factory=deque)
    hold: threading.Event | None = None


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Refused(Exception):
    """The answer is a problem."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.problem = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail} | more


class ApiState:
    """Apps, releases, config and tokens, in memory."""

    def __init__(self) -> None:
        self.apps: dict[str, dict[str, Any]] = {}
        self.releases: dict[str, list[dict[str, Any]]] = {}
        self.config: dict[str, dict[str, Any]] = {}
        self.hidden: dict[tuple[str, str], str] = {}
        self.imported: list[dict[str, Any]] = []
        self.recipients: list[dict[str, str]] = [{"name": "pvdify", "key": "age1server"}]
        self.versions: dict[str, list[dict[str, Any]]] = {}
        self.processes: dict[str, list[dict[str, Any]]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.operation_outcome: dict[str, Any] = {"state": "succeeded"}
        self.run_events: list[tuple[str, bytes]] = []
        self.run_exit_code, self.run_input, self.run_is_lost = 0, b"", False
        self._input_ended = threading.Event()
        self.log_lines: list[dict[str, Any]] = []
        self.visits: list[dict[str, Any]] = []
        self.tokens: list[dict[str, Any]] = []
        self.links: dict[tuple[str, str], dict[str, Any]] = {}
        self.registries: dict[str, dict[str, Any]] = {}
        self.previews: dict[tuple[str, int], dict[str, Any]] = {}
        self.notifications: list[dict[str, Any]] = []
        self.deliveries: list[dict[str, Any]] = []
        self.posthog: dict[str, Any] = {"is_connected": False, "host": None, "key": None, "annotates": None}
        self.edge: dict[str, Any] = {
            "kind": "none",
            "tunnel": None,
            "health": None,
            "process": "",
            "hostnames": [],
            "problems": [],
            "failure": None,
        }
        self.checks: list[dict[str, str]] = []
        self.keys: dict[str, dict[str, Any]] = {}
        self.script = Script()

    def add_app(self, name: str, **more: Any) -> dict[str, Any]:
        self.apps[name] = {
            "name": name, "environment": "production", "status": "new", "image": None, "release": None,
            "url": f"https://{name}.pvdify.win", "processes": {}, "resources": {}, "healthcheck": {}, "domains": [],
            "created_at": AT, "updated_at": AT,
        } | more  # fmt: skip
        self.releases[name] = []
        return self.apps[name]

    def add_release(self, app: str, **more: Any) -> dict[str, Any]:
        if app not in self.apps:
            self.add_app(app)
        release = {
            "app": app, "version": len(self.releases[app]) + 1, "image": "ghcr.io/org/app:v1", "digest": None,
            "config_version": 1, "status": "active", "created_at": AT, "created_by": "ci", "description": "deploy",
            "commit": None, "branch": None, "run_number": None, "failure": None, "receipt": None,
            "url": f"https://{app}.pvdify.win", "can_roll_back": False,
            "previous": len(self.releases[app]) or None,
        } | more  # fmt: skip
        self.releases[app].append(release)
        return release

    def add_log_line(self, text: str, **more: Any) -> None:
        at = f"2026-11-23T11:31:{len(self.log_lines):02d}Z"
        line = {"at": at, "process": "web", "number": 1, "release": 1, "stream": "stdout", "text": text}
        self.log_lines.append(line | more)

    def add_visit(self, **more: Any) -> None:
        self.visits.append({
            "at": AT, "request_id": "abc", "client": "203.0.113.7", "protocol": "https", "method": "GET",
            "host": "shop.pvdify.win", "path": "/cart", "status": 200, "seconds": 0.012, "wait": 0.009,
            "bytes_in": 117, "bytes_out": 135, "app": "shop", "release": 42, "instance": 1, "retries": 0,
            "ended": "----", "agent": "curl",
        } | more)  # fmt: skip

    # What each request does: the answer's JSON, text, status and headers.

    def find_app(self, app: str) -> dict[str, Any]:
        if app not in self.apps:
            raise Refused(404, "app-not-found", f"there is no app {app}", next="pvdify apps")
        return self.apps[app]

    def find_release(self, app: str, version: str) -> dict[str, Any]:
        self.find_app(app)
        found = [release for release in self.releases[app] if release["version"] == int(version)]
        if not found:
            raise Refused(404, "release-not-found", f"{app} has no release v{version}", next=f"pvdify releases {app}")
        return found[0]

    def make_release(self, asked: Asked, app: str, image: str, description: str) -> dict[str, Any]:
        key = asked.headers.get("idempotency-key", "")
        if key not in self.keys:
            more = {name: asked.body[name] for name in ("commit", "branch", "run_number") if name in asked.body}
            self.keys[key] = self.add_release(app, status="pending", image=image, description=description, **more)
        return self.keys[key]

    def deploy(self, asked: Asked, app: str) -> dict[str, Any]:
        releases = self.releases.get(app, [])
        image = asked.body.get("image") or (releases[-1]["image"] if releases else None)
        if image is None:
            raise Refused(422, "nothing-to-deploy", f"{app} has no live image to repeat", next="name one: --image REF")
        return self.make_release(asked, app, image, "deploy")

    def deploy_log(self, asked: Asked, app: str, version: str) -> str:
        self.find_release(app, version)
        return "".join(f"{data}\n" for name, data in self.script.events if not name)

    def plan_rollback(self, asked: Asked, app: str) -> dict[str, Any]:
        live = self.releases[app][-1]
        target = self.find_release(app, asked.query.get("version", str(live["version"] - 1)))
        changes = _changes(live, target)
        return {"current": live, "target": target, "is_warm": True, "changes": changes}

    def diff(self, asked: Asked, app: str, version: str) -> dict[str, Any]:
        before, after = self.find_release(app, version), self.find_release(app, asked.query["to"])
        changes = _changes(before, after)
        return {"app": app, "before": before["version"], "after": after["version"], "changes": changes}

    def rollback(self, asked: Asked, app: str) -> dict[str, Any]:
        version = asked.body.get("version") or len(self.releases[app]) - 1
        target = self.find_release(app, str(version))
        if target["status"] == "failed":
            raise Refused(409, "release-not-rollbackable", f"{app} v{version} never was live", next="choose another")
        return self.make_release(asked, app, target["image"], f"rollback to v{version}")

    def cancel(self, asked: Asked, app: str, version: str) -> dict[str, Any]:
        release = self.find_release(app, version)
        release["status"] = "canceled"
        return release

    def change_app(self, asked: Asked, name: str) -> Any:
        app = self.find_app(name)
        app["status"] = "maintenance" if asked.body["maintenance"] else "live"
        return app

    def destroy(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        if asked.query.get("confirm") != app:
            raise Refused(422, "invalid-request", "confirm repeats the name")
        del self.apps[app]
        return {}

    def change_config(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        config = self.config.setdefault(app, {})
        asked.body.update({key: self.keep(app, key, given) for key, given in asked.body.items()})
        unknown = [f"{key}: is not set" for key, value in asked.body.items() if value is None and key not in config]
        if unknown:
            raise Refused(422, "invalid-config-var", "the config was not changed", problems=unknown)
        config.update(asked.body)
        self.config[app] = {key: value for key, value in config.items() if value is not None}
        names = {
            "set": [key for key, value in asked.body.items() if value is not None],
            "unset": [key for key, value in asked.body.items() if value is None],
        }
        versions = self.versions.setdefault(app, [])
        versions.insert(0, {"version": len(versions) + 1, "created_at": AT, "created_by": "admin"} | names)
        return self.config[app]

    def keep(self, app: str, key: str, given: Any) -> Any:
        """A value as it will be shown; what is secret is kept apart."""
        secret = given.get("secret", False) if isinstance(given, dict) else (app, key) in self.hidden
        value = given["value"] if isinstance(given, dict) else given
        if value is None or not secret:
            return value
        self.hidden[app, key] = value
        return {"secret": True}

    def reveal_config(self, asked: Asked, app: str) -> dict[str, Any]:
        shown = self.config.get(app, {}) | {key: value for (of, key), value in self.hidden.items() if of == app}
        missing = [key for key in asked.body["keys"] if key not in shown]
        if missing:
            raise Refused(404, "config-var-not-found", f"{app} has no config var {missing[0]}")
        return {key: shown[key] for key in asked.body["keys"]}

    def import_config(self, asked: Asked, app: str) -> dict[str, Any]:
        self.find_app(app)
        self.imported.append(asked.body)
        if "damaged" in asked.body["content"]:
            raise Refused(422, "invalid-config-file", "the file was not imported", why="its MAC does not match")
        is_new = "same" not in asked.body["content"]
        return {"version": 7, "live_version": 6, "set": ["A", "B"] if is_new else [], "unset": ["C"] if is_new else []}

    def reencrypt(self) -> dict[str, Any]:
        return {"files": 3, "recipients": self.recipients}

    def add_recipient(self, asked: Asked) -> dict[str, Any]:
        if not asked.body["key"].startswith("age1"):
            raise Refused(422, "invalid-recipient", "the recipients were not changed", why="no key")
        self.recipients.append(asked.body)
        return self.reencrypt()

    def remove_recipient(self, asked: Asked, name: str) -> dict[str, Any]:
        self.recipients = [it for it in self.recipients if it["name"] != name]
        return self.reencrypt()

    def rotate(self, asked: Asked) -> dict[str, Any]:
        self.recipients[0]["key"] = "age1newserver"
        return self.reencrypt()

    def add_domain(self, asked: Asked, app: str) -> dict[str, Any]:
        hostname = asked.body["hostname"]
        if hostname.startswith("*"):
            raise Refused(422, "invalid-hostname", f'{app} cannot answer to "{hostname}"', why="a wildcard")
        if hostname not in self.find_app(app)["domains"]:
            self.find_app(app)["domains"].append(hostname)
        return self.domain(hostname, "added")

    def remove_domain(self, asked: Asked, app: str, hostname: str) -> None:
        if hostname not in self.find_app(app)["domains"]:
            raise Refused(404, "domain-not-found", f"{app} does not answer to {hostname}")
        self.apps[app]["domains"].remove(hostname)

    def domain(self, hostname: str, origin: str) -> dict[str, Any]:
        readable = {"xn--bcher-kva.example": "bücher.example"}.get(hostname, hostname)
        return {"hostname": hostname, "readable": readable, "origin": origin, "url": f"https://{hostname}"}

    def create_token(self, asked: Asked) -> dict[str, Any]:
        known = {"id": f"t{len(self.tokens) + 1}", "created_at": AT, "app": asked.body.get("app")}
        known |= {"name": asked.body["name"], "role": asked.body["role"]}
        known["expires_at"] = "2027-02-21T11:31:02Z" if "expires_in" in asked.body else None
        self.tokens.append(known | {"created_by": "admin", "last_used_at": None})
        return known | {"token": "pvd_secret"}

    def revoke_token(self, asked: Asked, token_id: str) -> None:
        if all(token["id"] != token_id for token in self.tokens):
            raise Refused(404, "token-not-found", f"no token has the id {token_id}", next="pvdify tokens")
        self.tokens = [token for token in self.tokens if token["id"] != token_id]

    def log_in_to_registry(self, asked: Asked, quoted: str) -> dict[str, Any]:
        host = unquote(quoted)
        known = {"host": host, "username": asked.body["username"], "created_at": AT, "created_by": "admin"}
        self.registries[host] = known
        return known

    def log_out_of_registry(self, asked: Asked, quoted: str) -> None:
        host = unquote(quoted)
        if self.registries.pop(host, None) is None:
            raise Refused(404, "registry-not-found", f"this server is not signed in to {host}", next="pvdify registry")

    def config_headers(self, app: str) -> dict[str, str]:
        live = next((r["config_version"] for r in self.releases[app] if r["status"] == "active"), None)
        headers = {"X-Config-Version": str(len(self.versions.get(app, [])))}
        return headers if live is None else headers | {"X-Live-Config-Version": str(live)}

    def preview(self, app: str, number: str) -> dict[str, Any]:
        if (app, int(number)) not in self.previews:
            raise Refused(404, "preview-not-found", f"{app} has no preview of pull request {number}", next="previews")
        return self.previews[app, int(number)]

    def put_preview(self, asked: Asked, app: str, number: str) -> dict[str, Any]:
        name = f"{app}-pr-{number}"
        image = asked.body.get("image") or self.releases.get(name, [{}])[-1].get("image")
        if image is None:
            raise Refused(422, "nothing-to-deploy", f"{name} is new, so it needs an image", next="--image REF")
        self.previews[app, int(number)] = {
            "app": app, "pr": int(number), "name": name, "url": f"https://{name}.pvdify.win", "status": "open",
            "repository": asked.body.get("repository"), "image": image, "created_at": AT, "renewed_at": AT,
            "closed_at": None, "ends_at": "2026-11-30T11:31:02Z",
            "release": self.make_release(asked, name, image, "deploy"),
        }  # fmt: skip
        return self.previews[app, int(number)]

    def make_operation(self, app: str, kind: str, text: str) -> dict[str, Any]:
        self.find_app(app)
        operation = {
            "id": f"{app}-{kind}-1", "app": app, "kind": kind, "text": text, "state": "queued", "created_at": AT,
            "created_by": "admin", "finished_at": None, "steps": [], "failure": None,
        }  # fmt: skip
        self.operations[operation["id"]] = operation
        return operation

    def scale(self, asked: Asked, app: str) -> dict[str, Any]:
        known = [process["name"] for process in self.processes.get(app, [])]
        problems = [f"{name}: its processes are {', '.join(known)}" for name in asked.body if name not in known]
        if problems:
            raise Refused(422, "invalid-scale", f"{app} was not scaled", problems=problems)
        return self.make_operation(app, "scale", " ".join(f"{name}={count}" for name, count in asked.body.items()))

    def operation(self, asked: Asked, app: str, id: str) -> dict[str, Any]:
        """As it is, and next time as ``operation_outcome`` says."""
        found = self.operations[id]
        self.operations[id] = found | self.operation_outcome
        return found

    def start_run(self, asked: Asked, app: str) -> dict[str, Any]:
        release = self.find_app(app) and self.releases[app][-1]
        return {"id": "run.4711", "app": app, "release": release["version"]}

    def watch_run(self, asked: Asked, app: str, id: str) -> list[tuple[str, str]]:
        if self.run_is_lost:
            raise Refused(404, "one-off-not-found", f"{app} runs no {id}")
        said = [(name, base64.b64encode(data).decode()) for name, data in self.run_events]
        return [*said, ("end", json.dumps({"exit_code": self.run_exit_code}))]

    def write_run(self, asked: Asked, app: str, id: str) -> dict[str, Any]:
        assert int(asked.query["at"]) == len(self.run_input)
        self.run_input += asked.body or b""
        if "end" in asked.query:
            self._input_ended.set()
        return {}

    def wait_for_input_end(self) -> None:
        assert self._input_ended.wait(5)

    def add_notification(self, asked: Asked) -> dict[str, Any]:
        wanted = asked.body
        if not wanted["url"].startswith("https://"):
            raise Refused(422, "invalid-web-address", "nothing could be sent to this address", why="no https", next="…")
        self.notifications.append({
            "id": f"n{len(self.notifications) + 1}", "channel": wanted["channel"], "app": wanted.get("app"),
            "events": wanted["events"] or ["deploy.live"], "address": "https://hooks.example.com/…",
            "created_at": AT, "created_by": "admin", "secret": None,
        })  # fmt: skip
        secret = "whsec_abc" if wanted["channel"] == "webhook" else None
        return self.notifications[-1] | {"secret": secret}

    def remove_notification(self, asked: Asked, id: str) -> dict[str, Any]:
        if all(it["id"] != id for it in self.notifications):
            raise Refused(404, "notification-not-found", f"there is no notification {id}", next="`pvdify notify`")
        self.notifications = [it for it in self.notifications if it["id"] != id]
        return {}

    def add_delivery(self, **more: Any) -> dict[str, Any]:
        self.deliveries.append({
            "id": "n1-7", "notification": "n1", "event": 7, "action": "deploy.live", "app": "shop", "release": 42,
            "state": "delivered", "attempts": 1, "created_at": AT, "due_at": None, "ended_at": AT, "status": 200,
            "error": "",
        } | more)  # fmt: skip
        return self.deliveries[-1]

    def connect_edge(self, asked: Asked) -> dict[str, Any]:
        if asked.body["token"] != "cf-token":
            raise Refused(424, "edge-refused", "Cloudflare does not let pvdify read the list of zones", next="…")
        self.edge |= {
            "kind": "cloudflare", "tunnel": asked.body.get("tunnel") or "pvdify-own", "health": "healthy",
            "process": "pvdify-cloudflared.service runs it", "hostnames": ["shop.pvdify.win"],
        }  # fmt: skip
        return self.edge

    def connect_posthog(self, asked: Asked) -> dict[str, Any]:
        body = asked.body
        self.posthog = {
            "is_connected": True,
            "host": body["host"],
            "key": body["key"],
            "annotates": body.get("project"),
        }
        return self.posthog

    def link(self, asked: Asked, app: str) -> dict[str, Any]:
        wanted = asked.body
        self.links[app, wanted["repository"]] = {
            "app": app, "repository": wanted["repository"], "repository_id": wanted.get("repository_id", 74),
            "owner_id": wanted.get("owner_id", 65), "branch": wanted["branch"],
            "environment": wanted.get("environment"), "previews": wanted["previews"], "created_at": AT,
            "created_by": "admin",
        }  # fmt: skip
        return self.links[app, wanted["repository"]]

    def unlink(self, asked: Asked, app: str, owner: str, name: str) -> None:
        if self.links.pop((app, f"{owner}/{name}"), None) is None:
            raise Refused(
                404, "link-not-found", f"{app} is not linked to {owner}/{name}", next=f"`pvdify github {app}`"
            )

    def close_preview(self, asked: Asked, app: str, number: str) -> dict[str, Any]:
        preview = self.preview(app, number)
        return preview | {"status": "closed", "closed_at": AT, "ends_at": "2026-11-24T11:31:02Z"}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    images = {"before": before["image"], "after": after["image"]}
    is_same = before["image"] == after["image"]
    return [] if is_same else [{"part": "image", "name": "reference", "change": "changed", **images}]


_APP = "/apps/([^/]+)"
_Work = Callable[..., Any]
ROUTES: list[tuple[str, str, int, _Work]] = [
    ("GET", "/health", 200, lambda api, asked: {"status": "ok", "version": "0.1.0"}),
    ("GET", "/whoami", 200, lambda api, asked: {"name": "admin", "role": "admin", "app": None}),
    ("GET", "/status", 200, lambda api, asked: {
        "version": "0.1.0", "base_domain": "pvdify.win", "router_listen": "127.0.0.1:80", "apps": len(api.apps),
        "running_operations": 1, "checks": api.checks,
        "disk": [{"app": "myapp", "images": 3, "bytes": 1_230_000_000, "shared": 80_000_000}]}),
    ("GET", "/apps", 200, lambda api, asked: {"apps": list(api.apps.values())}),
    ("POST", "/apps", 201, lambda api, asked: api.add_app(asked.body["name"])),
    ("GET", _APP, 200, lambda api, asked, app: api.find_app(app)),
    ("PATCH", _APP, 200, ApiState.change_app),
    ("DELETE", _APP, 202, ApiState.destroy),
    ("GET", _APP + "/releases", 200, lambda api, asked, app: {
        "releases": api.find_app(app) and api.releases[app][::-1][: int(asked.query["limit"])]}),
    ("POST", _APP + "/releases", 202, ApiState.deploy),
    ("GET", _APP + r"/releases/(\d+)", 200, lambda api, asked, app, version: api.find_release(app, version)),
    ("GET", _APP + r"/releases/(\d+)/log", 200, ApiState.deploy_log),
    ("POST", _APP + r"/releases/(\d+)/cancel", 202, ApiState.cancel),
    ("GET", _APP + r"/releases/(\d+)/diff", 200, ApiState.diff),
    ("GET", _APP + "/rollback", 200, ApiState.plan_rollback),
    ("POST", _APP + "/rollback", 202, ApiState.rollback),
    ("GET", _APP + "/config", 200, lambda api, asked, app: api.find_app(app) and api.config.get(app, {})),
    ("PATCH", _APP + "/config", 200, ApiState.change_config),
    ("POST", _APP + "/config/reveal", 200, ApiState.reveal_config),
    ("POST", _APP + "/config/import", 200, ApiState.import_config),
    ("GET", _APP + "/config/file", 200, lambda api, asked, app: {"version": 4, "content": "A: ENC[x]\nsops: {}\n"}),
    ("GET", "/secrets/recipients", 200, lambda api, asked: {"recipients": api.recipients}),
    ("POST", "/secrets/recipients", 201, ApiState.add_recipient),
    ("DELETE", "/secrets/recipients/([^/]+)", 200, ApiState.remove_recipient),
    ("POST", "/secrets/rotate", 200, ApiState.rotate),
    ("GET", _APP + "/config/versions", 200, lambda api, asked, app: {"versions": api.versions.get(app, [])}),
    ("GET", _APP + "/processes", 200, lambda api, asked, app: {"processes": api.processes.get(app, [])}),
    ("GET", _APP + "/logs", 200, lambda api, asked, app: {
        "lines": api.log_lines[max(0, len(api.log_lines) - int(asked.query["lines"])) :]}),
    ("PATCH", _APP + "/processes", 202, ApiState.scale),
    ("POST", _APP + "/processes/restart", 202, lambda api, asked, app: api.make_operation(
        app, "restart", asked.body.get("process") or "web worker")),
    ("POST", _APP + "/processes/(stop|start)", 202, lambda api, asked, app, verb: api.make_operation(
        app, "scale", verb)),
    ("GET", _APP + "/operations/([^/]+)", 200, ApiState.operation),
    ("POST", _APP + "/run", 201, ApiState.start_run),
    ("GET", _APP + "/run/([^/]+)", 200, ApiState.watch_run),
    ("POST", _APP + "/run/([^/]+)/input", 204, ApiState.write_run),
    ("DELETE", _APP + "/run/([^/]+)", 204, lambda api, asked, app, id: {}),
    ("GET", _APP + "/domains", 200, lambda api, asked, app: {"domains": [
        api.domain(it, "added" if number else "app") for number, it in enumerate(api.find_app(app)["domains"])]}),
    ("POST", _APP + "/domains", 201, ApiState.add_domain),
    ("DELETE", _APP + "/domains/([^/]+)", 204, ApiState.remove_domain),
    ("GET", "/router/log", 200, lambda api, asked: {
        "visits": [it for it in api.visits if asked.query.get("app") in (None, it["app"])]}),
    ("GET", _APP + "/github", 200, lambda api, asked, app: {
        "links": [it for (owner, _), it in api.links.items() if owner == app]}),
    ("POST", _APP + "/github", 201, ApiState.link),
    ("DELETE", _APP + "/github/([^/]+)/([^/]+)", 204, ApiState.unlink),
    ("GET", _APP + "/previews", 200, lambda api, asked, app: {
        "previews": [it for (owner, _), it in api.previews.items() if owner == app]}),
    ("PUT", _APP + r"/previews/(\d+)", 202, ApiState.put_preview),
    ("DELETE", _APP + r"/previews/(\d+)", 200, ApiState.close_preview),
    ("GET", "/notifications", 200, lambda api, asked: {"notifications": api.notifications}),
    ("POST", "/notifications", 201, ApiState.add_notification),
    ("DELETE", "/notifications/([^/]+)", 204, ApiState.remove_notification),
    ("POST", "/notifications/([^/]+)/test", 200, lambda api, asked, id: api.deliveries[-1]),
    ("GET", "/deliveries", 200, lambda api, asked: {"deliveries": api.deliveries}),
    ("GET", "/edge", 200, lambda api, asked: api.edge),
    ("PUT", "/edge", 200, ApiState.connect_edge),
    ("DELETE", "/edge", 204, lambda api, asked: {}),
    ("GET", "/posthog", 200, lambda api, asked: api.posthog),
    ("PUT", "/posthog", 200, ApiState.connect_posthog),
    ("DELETE", "/posthog", 204, lambda api, asked: {}),
    ("GET", "/registries", 200, lambda api, asked: {"registries": list(api.registries.values())}),
    ("PUT", "/registries/([^/]+)", 200, ApiState.log_in_to_registry),
    ("DELETE", "/registries/([^/]+)", 204, ApiState.log_out_of_registry),
    ("GET", "/tokens", 200, lambda api, asked: {"tokens": api.tokens}),
    ("POST", "/tokens", 201, ApiState.create_token),
    ("DELETE", "/tokens/([^/]+)", 204, ApiState.revoke_token),
]  # fmt: skip
