"""The route table: path, handler, and who may. Everything else of the API follows from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.api.handlers import (
    apps,
    config,
    domains,
    edge,
    keyless,
    logs,
    notifications,
    posthog,
    previews,
    processes,
    registries,
    releases,
    router,
    run,
    secrets,
    server,
    webhooks,
)
from pvdify.model.token import Role
from pvdify.wire import answers, differences, requests

Handler = Callable[[Call], Awaitable[Response]]
PREFIX = "/api/v1"
READ, DEPLOY, ADMIN, ANYONE = Role.READ, Role.DEPLOY, Role.ADMIN, None


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One line of the table. ``needs``: the role, None for no token at all; ``list_of``: the key of a list answer."""

    method: str
    path: str
    handler: Handler
    needs: Role | None
    status: int = 200
    takes: type | None = None
    gives: type | None = None
    list_of: str | None = None
    query: tuple[str, ...] = ()


def _route(  # noqa: PLR0913 - one line a route, read as a table
    method: str, path: str, handler: Handler, needs: Role | None, status: int = 200,
    *, takes: type | None = None, gives: type | None = None, list_of: str | None = None, query: str = "",
) -> Endpoint:  # fmt: skip
    return Endpoint(
        method=method, path=path, handler=handler, needs=needs, status=status, takes=takes, gives=gives,
        list_of=list_of, query=tuple(query.split()),
    )  # fmt: skip


# fmt: off
ENDPOINTS = (
    _route("GET",    "/health",  server.show_health,   ANYONE, gives=answers.Health),
    _route("GET",    "/whoami",  server.show_identity, READ,   gives=answers.Identity),
    _route("GET",    "/status",  server.show_status,   READ,   gives=answers.Status),
    _route("GET",    "/events",  server.list_events,   READ,   gives=answers.Event, list_of="events", query="app limit"),

    _route("GET",    "/apps",       apps.list_apps,   READ,       gives=answers.App, list_of="apps"),
    _route("POST",   "/apps",       apps.create_app,  DEPLOY, 201, takes=requests.CreateApp, gives=answers.App),
    _route("GET",    "/apps/{app}", apps.show_app,    READ,       gives=answers.App),
    _route("PATCH",  "/apps/{app}", apps.change_app,  DEPLOY,     takes=requests.ChangeApp, gives=answers.App),
    _route("DELETE", "/apps/{app}", apps.destroy_app, ADMIN,  202, query="confirm"),

    _route("GET",    "/apps/{app}/releases",                      releases.list_releases, READ,       gives=answers.Release, list_of="releases", query="limit"),
    _route("POST",   "/apps/{app}/releases",                      releases.deploy,        DEPLOY, 202, takes=requests.Deploy, gives=answers.Release),
    _route("GET",    "/apps/{app}/releases/{version:int}",        releases.show_release,  READ,       gives=answers.Release),
    _route("GET",    "/apps/{app}/releases/{version:int}/log",    releases.show_log,      READ,       gives=str, query="follow"),
    _route("GET",    "/apps/{app}/releases/{version:int}/diff",   releases.show_diff,     READ,       gives=differences.ReleaseDiff, query="to"),
    _route("POST",   "/apps/{app}/releases/{version:int}/cancel", releases.cancel,        DEPLOY, 202, gives=answers.Release),
    _route("GET",    "/apps/{app}/rollback",                      releases.plan_rollback, READ,       gives=answers.RollbackPlan, query="version"),
    _route("POST",   "/apps/{app}/rollback",                      releases.rollback,      DEPLOY, 202, takes=requests.Rollback, gives=answers.Release),

    _route("GET",    "/apps/{app}/domains",            domains.list_domains,  READ,        gives=answers.Domain, list_of="domains"),
    _route("POST",   "/apps/{app}/domains",            domains.add_domain,    DEPLOY, 201, takes=requests.AddDomain, gives=answers.Domain),
    _route("DELETE", "/apps/{app}/domains/{hostname}", domains.remove_domain, DEPLOY, 204),

    _route("GET",    "/apps/{app}/config",          config.show_config,   READ,   gives=dict),
    _route("PATCH",  "/apps/{app}/config",          config.change_config, DEPLOY, takes=dict, gives=dict),
    _route("GET",    "/apps/{app}/config/versions", config.list_versions, READ,   gives=answers.ConfigVersion, list_of="versions"),
    _route("GET",    "/apps/{app}/logs",            logs.show_logs,       READ,   gives=str, query="follow lines since process release format"),
    _route("POST",   "/apps/{app}/config/reveal",   secrets.reveal_config, ADMIN,  takes=requests.RevealConfig, gives=dict),
    _route("GET",    "/apps/{app}/config/file",     secrets.export_config, ADMIN,  gives=answers.ConfigFile),
    _route("POST",   "/apps/{app}/config/import",   secrets.import_config, ADMIN,  takes=requests.ImportConfig, gives=answers.ImportedConfig),

    _route("GET",    "/apps/{app}/processes",              processes.list_processes,    READ,        gives=answers.Process, list_of="processes"),
    _route("PATCH",  "/apps/{app}/processes",              processes.scale_processes,   DEPLOY, 202, takes=dict, gives=answers.Operation),
    _route("POST",   "/apps/{app}/processes/restart",      processes.restart_processes, DEPLOY, 202, takes=requests.RestartProcesses, gives=answers.Operation),
    _route("POST",   "/apps/{app}/processes/stop",         processes.stop_processes,    DEPLOY, 202, gives=answers.Operation),
    _route("POST",   "/apps/{app}/processes/start",        processes.start_processes,   DEPLOY, 202, gives=answers.Operation),
    _route("GET",    "/apps/{app}/operations/{operation}", processes.show_operation,    READ,        gives=answers.Operation),

    _route("POST",   "/apps/{app}/run",                run.run_command, DEPLOY, 201, takes=requests.RunCommand, gives=answers.OneOff),
    _route("GET",    "/apps/{app}/run/{run}",          run.watch_run,   DEPLOY,      gives=str),
    _route("POST",   "/apps/{app}/run/{run}/input",    run.write_run,   DEPLOY, 204, query="at end"),
    _route("POST",   "/apps/{app}/run/{run}/terminal", run.resize_run,  DEPLOY, 204, takes=requests.Terminal),
    _route("DELETE", "/apps/{app}/run/{run}",          run.end_run,     DEPLOY, 204),

    _route("GET",    "/router/log",     router.show_visits,  READ,       gives=answers.Visit, list_of="visits", query="follow lines app format"),

    _route("GET",    "/apps/{app}/previews",          previews.list_previews, READ,       gives=answers.Preview, list_of="previews"),
    _route("GET",    "/apps/{app}/previews/{pr:int}", previews.show_preview,  READ,       gives=answers.Preview),
    _route("PUT",    "/apps/{app}/previews/{pr:int}", previews.put_preview,   DEPLOY, 202, takes=requests.PutPreview, gives=answers.Preview),
    _route("DELETE", "/apps/{app}/previews/{pr:int}", previews.close_preview, DEPLOY,     query="as_of", gives=answers.Preview),

    _route("GET",    "/apps/{app}/github",                keyless.list_links, READ,       gives=answers.Link, list_of="links"),
    _route("POST",   "/apps/{app}/github",                keyless.link,       ADMIN, 201, takes=requests.LinkRepository, gives=answers.Link),
    _route("DELETE", "/apps/{app}/github/{owner}/{name}", keyless.unlink,     ADMIN, 204),
    _route("POST",   "/auth/github",                      keyless.exchange,   ANYONE,     takes=requests.ExchangeIdentity, gives=answers.NewToken),
    _route("POST",   "/webhooks/github", webhooks.receive_github, ANYONE, 202, gives=answers.Heard),

    _route("GET",    "/tokens",         server.list_tokens,  ADMIN,      gives=answers.Token, list_of="tokens"),
    _route("POST",   "/tokens",         server.create_token, ADMIN, 201, takes=requests.CreateToken, gives=answers.NewToken),
    _route("DELETE", "/tokens/{token}", server.revoke_token, ADMIN, 204),

    _route("GET",    "/registries",        registries.list_registries, READ,  gives=answers.Registry, list_of="registries"),
    _route("GET",    "/registries/{host}", registries.show_registry,   READ,  gives=answers.Registry),
    _route("PUT",    "/registries/{host}", registries.put_registry,    ADMIN, takes=requests.LogInToRegistry, gives=answers.Registry),
    _route("DELETE", "/registries/{host}", registries.remove_registry, ADMIN, 204),
    _route("GET",    "/secrets/recipients",        secrets.list_recipients,  ADMIN,      gives=answers.Recipient, list_of="recipients"),
    _route("POST",   "/secrets/recipients",        secrets.add_recipient,    ADMIN, 201, takes=requests.AddRecipient, gives=answers.Reencrypted),
    _route("DELETE", "/secrets/recipients/{name}", secrets.remove_recipient, ADMIN,      gives=answers.Reencrypted),
    _route("POST",   "/secrets/rotate",            secrets.rotate,           ADMIN,      gives=answers.Reencrypted),

    _route("GET",    "/notifications",                     notifications.list_notifications,  ADMIN,      gives=answers.Notification, list_of="notifications"),
    _route("POST",   "/notifications",                     notifications.add_notification,    ADMIN, 201, takes=requests.AddNotification, gives=answers.Notification),
    _route("DELETE", "/notifications/{notification}",      notifications.remove_notification, ADMIN, 204),
    _route("POST",   "/notifications/{notification}/test", notifications.test_notification,   ADMIN,      gives=answers.Delivery),
    _route("GET",    "/deliveries",                        notifications.list_deliveries,     ADMIN,      gives=answers.Delivery, list_of="deliveries", query="notification limit"),

    _route("GET",    "/edge", edge.show_edge,       READ,  gives=answers.Edge),
    _route("PUT",    "/edge", edge.connect_edge,    ADMIN, takes=requests.ConnectEdge, gives=answers.Edge),
    _route("DELETE", "/edge", edge.disconnect_edge, ADMIN, 204),

    _route("GET",    "/posthog", posthog.show_posthog,       ADMIN, gives=answers.Posthog),
    _route("PUT",    "/posthog", posthog.connect_posthog,    ADMIN, takes=requests.ConnectPosthog, gives=answers.Posthog),
    _route("DELETE", "/posthog", posthog.disconnect_posthog, ADMIN, 204),
)
# fmt: on
