"""The table of pages: method, path, handler and required role. Every POST is checked against CSRF."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.pages import (
    activity,
    app,
    config,
    domains,
    logs,
    me,
    now,
    passkeys,
    people,
    previews,
    releases,
    server,
    sign_in,
    state,
)
from pvdify.model.token import Role

Handler = Callable[[Call], Awaitable[Response]]
READ, DEPLOY, ADMIN, ANYONE = Role.READ, Role.DEPLOY, Role.ADMIN, None


@dataclass(frozen=True, kw_only=True)
class Page:
    """One row of the table. ``needs``: the required role; None if no session is required.

    ``is_raw``: the body is not a form, and the handler reads it; a script sends the CSRF token as a header.
    """

    method: str
    path: str
    handler: Handler
    needs: Role | None
    is_raw: bool = False


def _page(method: str, path: str, handler: Handler, needs: Role | None, *, is_raw: bool = False) -> Page:
    return Page(method=method, path=path, handler=handler, needs=needs, is_raw=is_raw)


# fmt: off
PAGES = (
    _page("GET",  "/",                  now.show_now,          READ),
    _page("GET",  "/live",              now.stream_now,        READ),
    _page("GET",  "/palette",           now.list_apps,         READ),
    _page("POST", "/deploy",            now.deploy_any,        DEPLOY),

    _page("GET",  "/apps/{app}",             app.show_app,        READ),
    _page("GET",  "/apps/{app}/live",        app.stream_app,      READ),
    _page("POST", "/apps/{app}/deploy",      app.deploy,          DEPLOY),
    _page("POST", "/apps/{app}/rollback",    app.rollback,        DEPLOY),
    _page("POST", "/apps/{app}/scale",       app.scale,           DEPLOY),
    _page("POST", "/apps/{app}/restart",     app.restart,         DEPLOY),
    _page("POST", "/apps/{app}/stop",        app.stop,            DEPLOY),
    _page("POST", "/apps/{app}/start",       app.start,           DEPLOY),
    _page("POST", "/apps/{app}/maintenance", app.set_maintenance, DEPLOY),
    _page("POST", "/apps/{app}/pause",       app.pause,           DEPLOY),
    _page("POST", "/apps/{app}/resume",      app.resume,          DEPLOY),
    _page("POST", "/apps/{app}/destroy",     app.destroy,         ADMIN),

    _page("GET",  "/apps/{app}/releases",                      releases.list_releases,  READ),
    _page("GET",  "/apps/{app}/releases/{version:int}",        releases.show_release,   READ),
    _page("GET",  "/apps/{app}/releases/{version:int}/live",   releases.stream_release, READ),
    _page("GET",  "/apps/{app}/releases/{version:int}/log",    releases.show_log,       READ),
    _page("POST", "/apps/{app}/releases/{version:int}/cancel", releases.cancel,         DEPLOY),

    _page("GET",  "/apps/{app}/logs",       logs.show_logs,       READ),
    _page("GET",  "/apps/{app}/logs/live",  logs.stream_logs,     READ),
    _page("GET",  "/apps/{app}/router-log", logs.show_router_log, READ),

    _page("GET",  "/apps/{app}/config",        config.show_config,   READ),
    _page("POST", "/apps/{app}/config",        config.change_config, DEPLOY),
    _page("POST", "/apps/{app}/config/unset",  config.unset_config,  DEPLOY),
    _page("POST", "/apps/{app}/config/rollback", config.roll_back_config, DEPLOY),
    _page("POST", "/apps/{app}/config/reveal", config.reveal_config, ADMIN),

    _page("GET",  "/apps/{app}/domains",        domains.show_domains,  READ),
    _page("POST", "/apps/{app}/domains",        domains.add_domain,    DEPLOY),
    _page("POST", "/apps/{app}/domains/remove", domains.remove_domain, DEPLOY),

    _page("GET",  "/apps/{app}/state",                   state.show_state,     READ),
    _page("GET",  "/apps/{app}/jobs/{job}/{number:int}", state.show_run,       READ),
    _page("POST", "/apps/{app}/jobs/run",                state.run_job,        DEPLOY),
    _page("POST", "/apps/{app}/jobs/pause",              state.pause_job,      DEPLOY),
    _page("POST", "/apps/{app}/jobs/resume",             state.resume_job,     DEPLOY),
    _page("POST", "/apps/{app}/volumes/destroy",         state.destroy_volume, DEPLOY),
    _page("POST", "/apps/{app}/volumes/restore",         state.restore_volume, DEPLOY),

    _page("GET",  "/apps/{app}/previews",                previews.show_previews, READ),
    _page("POST", "/apps/{app}/previews/{pr:int}/keep",  previews.keep_preview,  DEPLOY),
    _page("POST", "/apps/{app}/previews/{pr:int}/close", previews.close_preview, DEPLOY),
    _page("POST", "/apps/{app}/previews/{pr:int}/end",   previews.end_preview,   ADMIN),

    _page("GET",  "/activity",        activity.show_activity,   READ),
    _page("GET",  "/activity/export", activity.export_activity, READ),

    _page("GET",  "/server",                      server.show_server,          READ),
    _page("POST", "/server/tokens",               server.create_token,         ADMIN),
    _page("POST", "/server/tokens/revoke",        server.revoke_token,         ADMIN),
    _page("POST", "/server/registries",           server.log_in_to_registry,   ADMIN),
    _page("POST", "/server/registries/remove",    server.log_out_of_registry,  ADMIN),
    _page("POST", "/server/notifications",        server.add_notification,     ADMIN),
    _page("POST", "/server/notifications/remove", server.remove_notification,  ADMIN),
    _page("POST", "/server/notifications/test",   server.test_notification,    ADMIN),

    _page("GET",  "/sign-in",           sign_in.show_sign_in,  ANYONE),
    _page("GET",  "/sign-in/link/{secret}", sign_in.open_link, ANYONE),
    _page("GET",  "/sign-in/account",   sign_in.begin_with_account,  ANYONE),
    _page("GET",  "/sign-in/callback",  sign_in.finish_with_account, ANYONE),
    _page("POST", "/sign-in/passkey/options", passkeys.ask,     ANYONE, is_raw=True),
    _page("POST", "/sign-in/passkey",         passkeys.sign_in, ANYONE, is_raw=True),
    _page("POST", "/sign-out",          sign_in.sign_out,      READ),
    _page("GET",  "/invitation/{secret}", sign_in.show_invitation,   ANYONE),
    _page("POST", "/invitation/{secret}", sign_in.accept_invitation, ANYONE),

    _page("GET",  "/me",                         me.show_me,             READ),
    _page("POST", "/me/sessions/{session}/end",  me.end_session,         READ),
    _page("POST", "/me/sign-out-everywhere",     me.sign_out_everywhere, READ),
    _page("POST", "/me/passkeys/options",          passkeys.ask_for_new, READ, is_raw=True),
    _page("POST", "/me/passkeys",                  passkeys.add,         READ, is_raw=True),
    _page("POST", "/me/passkeys/{passkey}/remove", passkeys.remove,      READ),

    _page("GET",  "/people",                        people.show_people,  ADMIN),
    _page("POST", "/people",                        people.invite,       ADMIN),
    _page("POST", "/people/{user}/invite",          people.invite_again, ADMIN),
    _page("POST", "/people/{user}/role",            people.set_role,     ADMIN),
    _page("POST", "/people/{user}/sign-out",        people.sign_out,     ADMIN),
    _page("POST", "/people/{user}/remove",          people.remove,       ADMIN),
    _page("POST", "/people/sessions/{session}/end", people.end_session,  ADMIN),
)
# fmt: on
