"""Which request the fake server of the REST API answers, and with what."""

from collections.abc import Callable
from typing import Any

from tests.fakes.api_state import ApiState

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
