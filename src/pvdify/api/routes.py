"""The route table: path, handler and required role. The application and its OpenAPI text are built from it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.api.handlers import (
    apps,
    backups,
    config,
    domains,
    edge,
    events,
    jobs,
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
    runtime,
    secrets,
    server,
    services,
    users,
    volumes,
    webhooks,
)
from pvdify.model.token import Role
from pvdify.wire import answers, differences, requests

Handler = Callable[[Call], Awaitable[Response]]
PREFIX = "/api/v1"
READ, DEPLOY, ADMIN, ANYONE = Role.READ, Role.DEPLOY, Role.ADMIN, None


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One line of the table.

    ``needs``: the role, None for no token at all; ``list_of``: the key of a list answer; ``has_key``: whether the
    request may carry an Idempotency-Key.
    """

    method: str
    path: str
    handler: Handler
    needs: Role | None
    status: int = 200
    takes: type | None = None
    gives: type | None = None
    list_of: str | None = None
    query: tuple[str, ...] = ()
    has_key: bool = False


def _route(  # noqa: PLR0913 - one line a route, read as a table
    method: str, path: str, handler: Handler, needs: Role | None, status: int = 200,
    *, takes: type | None = None, gives: type | None = None, list_of: str | None = None, query: str = "",
    has_key: bool = False,
) -> Endpoint:  # fmt: skip
    return Endpoint(
        method=method, path=path, handler=handler, needs=needs, status=status, takes=takes, gives=gives,
        list_of=list_of, query=tuple(query.split()), has_key=has_key,
    )  # fmt: skip


# fmt: off
ENDPOINTS = (
    _route("GET",    "/health",  server.show_health,   ANYONE, gives=answers.Health),
    _route("GET",    "/whoami",  server.show_identity, READ,   gives=answers.Identity),
    _route("GET",    "/status",  server.show_status,   READ,   gives=answers.Status),
    _route("GET",    "/events",  events.list_events,   READ,   gives=answers.Event, list_of="events", query="app actor kind since limit follow"),

    _route("GET",    "/apps",       apps.list_apps,   READ,       gives=answers.App, list_of="apps"),
    _route("POST",   "/apps",       apps.create_app,  DEPLOY, 201, takes=requests.CreateApp, gives=answers.App),
    _route("GET",    "/apps/{app}", apps.show_app,    READ,       gives=answers.App),
    _route("PATCH",  "/apps/{app}", apps.change_app,  DEPLOY,     takes=requests.ChangeApp, gives=answers.App),
    _route("DELETE", "/apps/{app}", apps.destroy_app, ADMIN,  202, gives=answers.DestroyedApp, query="confirm purge"),
    _route("POST",   "/apps/{app}/rename", apps.rename_app, ADMIN,  takes=requests.RenameApp, gives=answers.App),
    _route("POST",   "/apps/{app}/pause",  apps.pause_app,  DEPLOY, takes=requests.PauseApp, gives=answers.App),
    _route("POST",   "/apps/{app}/resume", apps.resume_app, DEPLOY, gives=answers.App),

    _route("GET",    "/apps/{app}/releases",                      releases.list_releases, READ,       gives=answers.Release, list_of="releases", query="limit"),
    _route("POST",   "/apps/{app}/releases",                      releases.deploy,        DEPLOY, 202, takes=requests.Deploy, gives=answers.Release, has_key=True),
    _route("GET",    "/apps/{app}/releases/{version:int}",        releases.show_release,  READ,       gives=answers.Release),
    _route("GET",    "/apps/{app}/releases/{version:int}/log",    releases.show_log,      READ,       gives=str, query="follow"),
    _route("GET",    "/apps/{app}/releases/{version:int}/diff",   releases.show_diff,     READ,       gives=differences.ReleaseDiff, query="to"),
    _route("POST",   "/apps/{app}/releases/{version:int}/cancel", releases.cancel,        DEPLOY, 202, gives=answers.Release),
    _route("GET",    "/apps/{app}/rollback",                      releases.plan_rollback, READ,       gives=answers.RollbackPlan, query="version"),
    _route("POST",   "/apps/{app}/rollback",                      releases.rollback,      DEPLOY, 202, takes=requests.Rollback, gives=answers.Release, has_key=True),

    _route("GET",    "/apps/{app}/domains",            domains.list_domains,  READ,        gives=answers.Domain, list_of="domains"),
    _route("POST",   "/apps/{app}/domains",            domains.add_domain,    DEPLOY, 201, takes=requests.AddDomain, gives=answers.Domain),
    _route("DELETE", "/apps/{app}/domains/{hostname}", domains.remove_domain, DEPLOY, 204),

    _route("GET",    "/apps/{app}/grants",             domains.list_grants,   READ,        gives=answers.DomainGrant, list_of="grants"),
    _route("POST",   "/apps/{app}/grants",             domains.add_grant,     ADMIN,  201, takes=requests.AddDomain, gives=answers.DomainGrant),
    _route("DELETE", "/apps/{app}/grants/{hostname}",  domains.remove_grant,  ADMIN,  204),

    _route("GET",    "/apps/{app}/config",          config.show_config,   READ,   gives=dict, query="versions"),
    _route("PATCH",  "/apps/{app}/config",          config.change_config, DEPLOY, takes=dict, gives=dict, query="versions"),
    _route("GET",    "/apps/{app}/config/versions", config.list_versions, READ,   gives=answers.ConfigVersion, list_of="versions"),
    _route("GET",    "/apps/{app}/logs",            logs.show_logs,       READ,   gives=str, query="follow lines since process release format"),
    _route("POST",   "/apps/{app}/config/reveal",   secrets.reveal_config, ADMIN,  takes=requests.RevealConfig, gives=dict),
    _route("POST",   "/apps/{app}/config/rollback", config.roll_back_config, DEPLOY, takes=requests.RollBackConfig, gives=answers.ImportedConfig),
    _route("POST",   "/apps/{app}/config/copy",     config.copy_config,    DEPLOY, takes=requests.CopyConfig, gives=answers.CopiedConfig),
    _route("GET",    "/apps/{app}/config/file",     secrets.export_config, ADMIN,  gives=answers.ConfigFile),
    _route("POST",   "/apps/{app}/config/import",   secrets.import_config, ADMIN,  takes=requests.ImportConfig, gives=answers.ImportedConfig),

    _route("GET",    "/apps/{app}/processes",              processes.list_processes,    READ,        gives=answers.Processes),
    _route("PATCH",  "/apps/{app}/processes",              processes.scale_processes,   DEPLOY, 202, takes=dict, gives=answers.Operation),
    _route("POST",   "/apps/{app}/processes/restart",      processes.restart_processes, DEPLOY, 202, takes=requests.RestartProcesses, gives=answers.Operation),
    _route("POST",   "/apps/{app}/processes/stop",         processes.stop_processes,    DEPLOY, 202, gives=answers.Operation),
    _route("POST",   "/apps/{app}/processes/start",        processes.start_processes,   DEPLOY, 202, gives=answers.Operation),
    _route("GET",    "/apps/{app}/operations/{operation}", processes.show_operation,    READ,        gives=answers.Operation),

    _route("GET",    "/apps/{app}/volumes",                  volumes.list_volumes,   READ,       gives=answers.Volume, list_of="volumes"),
    _route("DELETE", "/apps/{app}/volumes/{volume}",         volumes.destroy_volume, DEPLOY, 204, query="purge"),
    _route("POST",   "/apps/{app}/volumes/{volume}/restore", volumes.restore_volume, DEPLOY, 204),

    _route("GET",    "/apps/{app}/jobs",              jobs.list_jobs,   READ,        gives=answers.Job, list_of="jobs"),
    _route("GET",    "/apps/{app}/job-runs",          jobs.list_runs,   READ,        gives=answers.JobRun, list_of="runs", query="job limit"),
    _route("GET",    "/apps/{app}/jobs/{job}/log",    jobs.show_output, READ,        gives=answers.JobOutput, query="run skip"),
    _route("POST",   "/apps/{app}/jobs/{job}/run",    jobs.run_job,     DEPLOY, 202, gives=answers.JobRun),
    _route("POST",   "/apps/{app}/jobs/{job}/pause",  jobs.pause_job,   DEPLOY, 204),
    _route("POST",   "/apps/{app}/jobs/{job}/resume", jobs.resume_job,  DEPLOY, 204),

    _route("POST",   "/apps/{app}/run",                run.run_command, DEPLOY, 201, takes=requests.RunCommand, gives=answers.OneOff),
    _route("POST",   "/apps/{app}/exec",               run.exec_command, DEPLOY, 201, takes=requests.ExecCommand, gives=answers.OneOff),
    _route("POST",   "/apps/{app}/tunnel",             run.open_tunnel, DEPLOY, 201, takes=requests.OpenTunnel, gives=answers.OneOff),
    _route("GET",    "/apps/{app}/run/{run}",          run.watch_run,   DEPLOY,      gives=str),
    _route("POST",   "/apps/{app}/run/{run}/input",    run.write_run,   DEPLOY, 204, query="at end"),
    _route("POST",   "/apps/{app}/run/{run}/terminal", run.resize_run,  DEPLOY, 204, takes=requests.Terminal),
    _route("DELETE", "/apps/{app}/run/{run}",          run.end_run,     DEPLOY, 204),

    _route("GET",    "/router/log",     router.show_visits,  READ,       gives=answers.Visit, list_of="visits", query="follow lines app format"),

    _route("GET",    "/apps/{app}/previews",          previews.list_previews, READ,       gives=answers.Preview, list_of="previews"),
    _route("GET",    "/apps/{app}/previews/{pr:int}", previews.show_preview,  READ,       gives=answers.Preview),
    _route("PUT",    "/apps/{app}/previews/{pr:int}", previews.put_preview,   DEPLOY, 202, takes=requests.PutPreview, gives=answers.Preview, has_key=True),
    _route("DELETE", "/apps/{app}/previews/{pr:int}", previews.close_preview, DEPLOY,     query="as_of", gives=answers.Preview),
    _route("POST",   "/apps/{app}/previews/{pr:int}/keep", previews.keep_preview, DEPLOY, gives=answers.Preview),

    _route("GET",    "/apps/{app}/github",                keyless.list_links, READ,       gives=answers.Link, list_of="links"),
    _route("POST",   "/apps/{app}/github",                keyless.link,       ADMIN, 201, takes=requests.LinkRepository, gives=answers.Link),
    _route("DELETE", "/apps/{app}/github/{owner}/{name}", keyless.unlink,     ADMIN, 204),
    _route("POST",   "/auth/github",                      keyless.exchange,   ANYONE,     takes=requests.ExchangeIdentity, gives=answers.NewToken),
    _route("POST",   "/webhooks/github", webhooks.receive_github, ANYONE, 202, gives=answers.ReceivedWebhook),

    _route("GET",    "/backups",              backups.list_backups,   ADMIN,      gives=answers.Backups),
    _route("POST",   "/backups",              backups.run_backup,     ADMIN, 202, gives=answers.BackupTask),
    _route("PUT",    "/backups/target",       backups.set_target,     ADMIN,      takes=requests.SetBackupTarget, gives=answers.BackupTarget),
    _route("PATCH",  "/backups/target",       backups.set_schedule,   ADMIN,      takes=requests.ScheduleBackups, gives=answers.BackupTarget),
    _route("POST",   "/backups/verify",       backups.verify_backup,  ADMIN, 202, takes=requests.VerifyBackup, gives=answers.BackupTask),
    _route("POST",   "/backups/restore",      backups.restore_backup, ADMIN, 202, takes=requests.RestoreBackup, gives=answers.BackupTask),
    _route("POST",   "/backups/restore/plan", backups.plan_restore,   ADMIN,      takes=requests.RestoreBackup, gives=answers.RestorePlan),
    _route("GET",    "/backups/tasks/{task}", backups.show_task,      ADMIN,      gives=answers.BackupTask),

    _route("GET",    "/tokens",         server.list_tokens,  ADMIN,      gives=answers.Token, list_of="tokens"),
    _route("POST",   "/tokens",         server.create_token, ADMIN, 201, takes=requests.CreateToken, gives=answers.NewToken),
    _route("DELETE", "/tokens/{token}", server.revoke_token, ADMIN, 204),

    _route("POST",   "/sign-in-links", users.make_link,   READ,  201, gives=answers.SignInLink),
    _route("GET",    "/users",                 users.list_users,  ADMIN,      gives=answers.User, list_of="users"),
    _route("POST",   "/users",                 users.invite,      ADMIN, 201, takes=requests.InviteUser, gives=answers.InvitedUser),
    _route("PATCH",  "/users/{user}",          users.set_role,    ADMIN,      takes=requests.SetUserRole, gives=answers.User),
    _route("DELETE", "/users/{user}",          users.remove,      ADMIN, 204),
    _route("DELETE", "/users/{user}/sessions", users.sign_out,    ADMIN, 204),
    _route("GET",    "/sessions",              users.list_sessions, ADMIN,    gives=answers.Session, list_of="sessions"),
    _route("DELETE", "/sessions/{session}",    users.end_session, ADMIN, 204),

    _route("GET",    "/registries",        registries.list_registries, READ,  gives=answers.Registry, list_of="registries"),
    _route("GET",    "/registries/{host}", registries.show_registry,   READ,  gives=answers.Registry, query="app"),
    _route("PUT",    "/registries/{host}", registries.put_registry,    ADMIN, takes=requests.LogInToRegistry, gives=answers.Registry),
    _route("DELETE", "/registries/{host}", registries.remove_registry, ADMIN, 204, query="app"),
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

    _route("GET",    "/runtime", runtime.show_runtime,   ADMIN,      gives=answers.ServerRuntime, query="to"),
    _route("PUT",    "/runtime", runtime.choose_runtime, ADMIN, 202, takes=requests.ChooseRuntime, gives=answers.ServerRuntime),
    _route("DELETE", "/runtime", runtime.cancel_move,    ADMIN,      gives=answers.ServerRuntime),

    _route("GET",    "/services",                        services.list_services,   READ,        gives=answers.Service, list_of="services"),
    _route("POST",   "/services",                        services.create_service,  DEPLOY, 202, takes=requests.CreateService, gives=answers.Service),
    _route("GET",    "/services/{service}",              services.show_service,    READ,        gives=answers.Service),
    _route("DELETE", "/services/{service}",              services.destroy_service, ADMIN,  202, query="confirm purge"),
    _route("POST",   "/services/{service}/restore",      services.restore_service, DEPLOY, 202, gives=answers.Service),
    _route("POST",   "/services/{service}/restart",      services.restart_service, DEPLOY, 202, gives=answers.Service),
    _route("POST",   "/services/{service}/rotate",       services.rotate_service,  DEPLOY, 202, gives=answers.Service),
    _route("GET",    "/services/{service}/upgrade",      services.plan_upgrade,    READ,        gives=answers.ServicePlan, query="image"),
    _route("POST",   "/services/{service}/upgrade",      services.upgrade_service, DEPLOY, 202, takes=requests.UpgradeService, gives=answers.Service),
    _route("GET",    "/services/{service}/logs",         services.show_logs,       READ,        gives=answers.ServiceLines, query="follow lines"),
    _route("POST",   "/services/{service}/connect",      services.connect_service, DEPLOY, 201, takes=requests.ConnectService, gives=answers.OneOff),
    _route("PUT",    "/services/{service}/links/{linked}",  services.link_service,    ADMIN,       takes=requests.LinkService, gives=answers.ServiceLink),
    _route("DELETE", "/services/{service}/links/{linked}",  services.unlink_service,  ADMIN,  204),

    _route("GET",    "/posthog", posthog.show_posthog,       ADMIN, gives=answers.Posthog),
    _route("PUT",    "/posthog", posthog.connect_posthog,    ADMIN, takes=requests.ConnectPosthog, gives=answers.Posthog),
    _route("DELETE", "/posthog", posthog.disconnect_posthog, ADMIN, 204),
)
# fmt: on
