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
        "app_statuses": [{"app": app["name"], **{key: app[key] for key in ("status", "status_cause", "status_since")}}
                         for app in api.apps.values()],
        "disk": [{"app": "myapp", "images": 3, "bytes": 1_230_000_000, "shared": 80_000_000,
                  "containers": 2_000_000_000, "volumes": 10_000_000_000, "logs": 5_000_000}]}),
    ("GET", "/events", 200, ApiState.matching_events),
    ("GET", "/apps", 200, lambda api, asked: {"apps": list(api.apps.values())}),
    ("POST", "/apps", 201, lambda api, asked: api.add_app(asked.body["name"])),
    ("GET", _APP, 200, lambda api, asked, app: api.find_app(app)),
    ("PATCH", _APP, 200, ApiState.change_app),
    ("DELETE", _APP, 202, ApiState.destroy),
    ("POST", _APP + "/rename", 200, ApiState.rename_app),
    ("POST", _APP + "/(pause|resume)", 200, lambda api, asked, app, verb: api.find_app(app)),
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
    ("POST", _APP + "/config/copy", 200, ApiState.copy_config),
    ("POST", _APP + "/config/rollback", 200, ApiState.roll_back_config),
    ("POST", _APP + "/config/import", 200, ApiState.import_config),
    ("GET", _APP + "/config/file", 200, lambda api, asked, app: {"version": 4, "content": "A: ENC[x]\nsops: {}\n"}),
    ("GET", "/secrets/recipients", 200, lambda api, asked: {"recipients": api.recipients}),
    ("POST", "/secrets/recipients", 201, ApiState.add_recipient),
    ("DELETE", "/secrets/recipients/([^/]+)", 200, ApiState.remove_recipient),
    ("POST", "/secrets/rotate", 200, ApiState.rotate),
    ("GET", _APP + "/config/versions", 200, lambda api, asked, app: {"versions": api.versions.get(app, [])}),
    ("GET", _APP + "/processes", 200, lambda api, asked, app: {
        "processes": api.processes.get(app, []),
        **{key: value for key, value in api.apps.get(app, {}).items() if key.startswith("status")}}),
    ("GET", _APP + "/logs", 200, lambda api, asked, app: {
        "lines": api.log_lines[max(0, len(api.log_lines) - int(asked.query["lines"])) :]}),
    ("PATCH", _APP + "/processes", 202, ApiState.scale),
    ("POST", _APP + "/processes/restart", 202, lambda api, asked, app: api.make_operation(
        app, "restart", asked.body.get("process") or "web worker")),
    ("POST", _APP + "/processes/(stop|start)", 202, lambda api, asked, app, verb: api.make_operation(
        app, "scale", verb)),
    ("GET", _APP + "/operations/([^/]+)", 200, ApiState.operation),
    ("POST", _APP + "/run", 201, ApiState.start_run),
    ("POST", _APP + "/exec", 201, ApiState.start_run),
    ("POST", _APP + "/tunnel", 201, ApiState.start_run),
    ("GET", _APP + "/run/([^/]+)", 200, ApiState.watch_run),
    ("POST", _APP + "/run/([^/]+)/input", 204, ApiState.write_run),
    ("DELETE", _APP + "/run/([^/]+)", 204, lambda api, asked, app, id: {}),
    ("GET", _APP + "/domains", 200, lambda api, asked, app: {"domains": [
        api.domain(it, "added" if number else "app") for number, it in enumerate(api.find_app(app)["domains"])]}),
    ("POST", _APP + "/domains", 201, ApiState.add_domain),
    ("DELETE", _APP + "/domains/([^/]+)", 204, ApiState.remove_domain),
    ("GET", _APP + "/grants", 200, lambda api, asked, app: {"grants": [
        it for it in api.grants.values() if it["app"] == app]}),
    ("POST", _APP + "/grants", 201, ApiState.add_grant),
    ("DELETE", _APP + "/grants/([^/]+)", 204, ApiState.remove_grant),
    ("GET", _APP + "/volumes", 200, lambda api, asked, app: {
        "volumes": api.find_app(app) and api.volumes.get(app, [])}),
    ("DELETE", _APP + "/volumes/([^/]+)", 204, ApiState.destroy_volume),
    ("POST", _APP + "/volumes/([^/]+)/restore", 204, ApiState.restore_volume),
    ("GET", "/backups", 200, ApiState.list_backups),
    ("POST", "/backups", 202, ApiState.run_backup),
    ("PUT", "/backups/target", 200, ApiState.set_backup_target),
    ("PATCH", "/backups/target", 200, ApiState.schedule_backups),
    ("POST", "/backups/verify", 202, ApiState.verify_backup),
    ("POST", "/backups/restore/plan", 200, ApiState.plan_restore),
    ("POST", "/backups/restore", 202, ApiState.restore_backup),
    ("GET", "/backups/tasks/([^/]+)", 200, ApiState.backup_task),
    ("GET", _APP + "/jobs", 200, lambda api, asked, app: {"jobs": api.find_app(app) and api.jobs.get(app, [])}),
    ("GET", _APP + "/job-runs", 200, ApiState.list_job_runs),
    ("GET", _APP + "/jobs/([^/]+)/log", 200, ApiState.job_output),
    ("POST", _APP + "/jobs/([^/]+)/run", 202, ApiState.run_job),
    ("POST", _APP + "/jobs/([^/]+)/(pause|resume)", 204, ApiState.set_job_paused),
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
    ("POST", _APP + r"/previews/(\d+)/keep", 200, ApiState.keep_preview),
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
    ("POST", "/sign-in-links", 201, lambda api, asked: {
        "path": "/sign-in/link/s3cret", "url": "http://127.0.0.1:9443/sign-in/link/s3cret", "name": "admin",
        "expires_at": "2026-11-23T11:32:02Z"}),
    ("GET", "/users", 200, lambda api, asked: {"users": list(api.users.values())}),
    ("POST", "/users", 201, ApiState.invite),
    ("PATCH", "/users/([^/]+)", 200, ApiState.set_role),
    ("DELETE", "/users/([^/]+)/sessions", 204, ApiState.end_sessions),
    ("DELETE", "/users/([^/]+)", 204, ApiState.remove_user),
    ("GET", "/sessions", 200, lambda api, asked: {"sessions": api.sessions}),
    ("DELETE", "/sessions/([^/]+)", 204, ApiState.end_session),
    ("GET", "/tokens", 200, lambda api, asked: {"tokens": api.tokens}),
    ("POST", "/tokens", 201, ApiState.create_token),
    ("DELETE", "/tokens/([^/]+)", 204, ApiState.revoke_token),
]  # fmt: skip
