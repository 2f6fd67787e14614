"""The *Server* page: checks of each part, tokens, registries, notifications, and disk use by app."""

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.pages.now import known_edge
from pvdify.engine.notifying.notifications import NotificationRequest
from pvdify.engine.reading.server import check_of_apps, check_of_jobs
from pvdify.errors import InvalidError
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel, DeliveryState
from pvdify.model.token import Role, Token
from pvdify.web.checks import check_of_backups

DELIVERIES = 15
CHANNELS = (Channel.WEBHOOK, Channel.SLACK, Channel.DISCORD)
_DAYS = 86400.0


async def show_server(call: Call) -> Response:
    """Show the server. Actors with rights for one app see only part of the page."""
    return await _page(call)


async def create_token(call: Call) -> Response:
    """Create a token. Only this response shows its text."""
    name, days = call.field("name"), call.field("days")
    if days and not (days.isascii() and days.isdigit() and len(days) < 6):
        raise InvalidError("no token was made", why="the days are not a number", next="send another number, or none")
    try:
        role = Role(call.field("role"))
    except ValueError as error:
        raise InvalidError("no token was made", why="there is no such role", next="choose one of the list") from error
    expires_in = int(days) * _DAYS if days else None
    token, text = await call.engine.tokens.create(name, role, call.field("app") or None, expires_in, call.actor)
    return await _page(call, made=token, secret=text)


async def revoke_token(call: Call) -> Response:
    """Revoke a token, and end the sessions that were opened with it."""
    await call.engine.tokens.revoke(call.field("token"), call.actor)
    return call.done("/server#tokens", "The token is revoked, and every session that was made with it has ended.")


async def log_in_to_registry(call: Call) -> Response:
    """Store the login for a registry."""
    login = await call.engine.registries.login(
        call.field("host"), call.field("username"), Secret(call.form.get("password", "")), call.actor,
        call.field("app") or None,
    )  # fmt: skip
    return call.done("/server#registries", f"This server is signed in to {login.host} as {login.username}.")


async def log_out_of_registry(call: Call) -> Response:
    """Remove the login for a registry."""
    host = call.field("host")
    await call.engine.registries.logout(host, call.actor, call.field("app") or None)
    return call.done("/server#registries", f"This server is no longer signed in to {host}.")


async def add_notification(call: Call) -> Response:
    """Add a notification: a webhook or a chat that is notified of events."""
    try:
        channel = Channel(call.field("channel"))
    except ValueError as error:
        raise InvalidError(
            "nothing was added", why="there is no such channel", next="choose one of the list"
        ) from error
    events = tuple(call.field("events").replace(",", " ").split())
    request = NotificationRequest(
        channel=channel, url=Secret(call.field("url")), app=call.field("app") or None, events=events
    )
    added, key = await call.engine.notifications.add(request, call.actor)
    if key is None:
        return call.done("/server#notifications", f"{added.channel.value} {added.address} is notified from now on.")
    return await _page(call, signing_key=str(key))


async def remove_notification(call: Call) -> Response:
    """Remove a notification."""
    await call.engine.notifications.remove(call.field("notification"), call.actor)
    return call.done("/server#notifications", "The notification is removed.")


async def test_notification(call: Call) -> Response:
    """Send a test notification now, and show its result."""
    delivery = await call.engine.notifications.test(call.field("notification"), call.actor)
    if delivery.state is DeliveryState.DELIVERED:
        return call.done("/server#notifications", "The test was delivered.")
    return call.done("/server#notifications", f"The test was not delivered: {delivery.error or delivery.status}")


async def _page(call: Call, made: Token | None = None, secret: str = "", signing_key: str = "") -> Response:
    engine, is_admin = call.engine, call.may(Role.ADMIN)
    server = call.shared.server.get("server", engine.queries.server.show)
    statuses = {app: it for app, it in (await engine.queries.statuses()).items() if call.actor.reaches(app)}
    overdue = {app: jobs for app, jobs in (await engine.jobs.overdue()).items() if call.actor.reaches(app)}
    checks = (*(server.value.checks if server.value else ()), check_of_apps(statuses), *check_of_jobs(overdue))
    edge = known_edge(call)
    checks += (*((edge,) if edge is not None else ()), *check_of_backups(await engine.backups.health()))
    return call.page(
        "server.html", server=server, checks=checks, made=made, secret=secret,
        signing_key=signing_key, is_for_all=call.actor.app is None,
        disk=sorted((server.value.disk if server.value else {}).items(), key=lambda it: -it[1].size),
        tokens=await engine.queries.tokens() if is_admin else (),
        registries=await engine.registries.list() if is_admin else (),
        notifications=await engine.notifications.list() if is_admin else (), channels=CHANNELS,
        deliveries=await engine.notifications.deliveries(None, DELIVERIES) if is_admin else (),
        settings=engine.settings, runtime=await engine.runtime_moves.in_effect(), roles=tuple(Role),
    )  # fmt: skip
