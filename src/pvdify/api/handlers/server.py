"""/health, /whoami, /status and /tokens."""

from dataclasses import replace

from starlette.responses import Response

from pvdify import __version__
from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.reading.server import Check, ServerView, check_of_apps, check_of_disk, check_of_jobs
from pvdify.model.image import ImagesOnDisk
from pvdify.model.status import StatusWord
from pvdify.model.token import Role
from pvdify.web.answers import json_answer
from pvdify.web.checks import check_of_backups
from pvdify.wire import answers
from pvdify.wire.disk import AppDisk
from pvdify.wire.requests import CreateToken


async def show_health(_call: Call) -> Response:
    """Return 200 if pvdifyd answers."""
    return json_answer(answers.Health(status="ok", version=__version__))


async def show_identity(call: Call) -> Response:
    """Return the token's name, role and app."""
    it = call.actor
    return json_answer(answers.Identity(name=it.name, role=it.role.value, app=it.app))


async def show_status(call: Call) -> Response:
    """Return the server's status; a token for one app sees that app's figures and the state of each part."""
    view, statuses = await call.engine.queries.server.show(), await call.engine.queries.statuses()
    mine = {app: status for app, status in statuses.items() if call.actor.reaches(app)}
    of_server: tuple[Check, ...] = (*view.checks, await call.engine.edge.check())
    if call.actor.app is not None:
        view = await _of_tenant(call, view)
        of_server = tuple(replace(it, text=it.state, next="") for it in of_server)
    overdue = {app: jobs for app, jobs in (await call.engine.jobs.overdue()).items() if call.actor.reaches(app)}
    backups = await _of_backups(call)
    over = [app for app in call.engine.queries.server.apps_over_limit() if call.actor.reaches(app)]
    of_disk = check_of_disk(over, view.use, call.engine.settings.max_app_disk)
    checks = (*of_server[:-1], check_of_apps(mine), *check_of_jobs(overdue), *of_disk, *backups, of_server[-1])
    return json_answer(
        answers.Status(
            version=__version__,
            base_domain=call.engine.settings.base_domain,
            router_listen=str(call.engine.settings.router_listen),
            apps=view.apps,
            running_operations=view.running_operations,
            checks=[translate.check(it) for it in checks],
            disk=_disk(view),
            app_statuses=[translate.app_status(app, status) for app, status in mine.items()],
        )
    )


async def _of_backups(call: Call) -> tuple[Check, ...]:
    """Return the check of backups; empty for a token of one app."""
    return check_of_backups(await call.engine.backups.health()) if call.actor.app is None else ()


def _disk(view: ServerView) -> list[AppDisk]:
    """Return the disk use of each app, the largest first."""
    found = []
    for app in view.disk.keys() | view.use.keys():
        images, use = view.disk.get(app, ImagesOnDisk(images=0, size=0, shared=0)), view.use.get(app)
        measured = {"containers": use.layers, "volumes": use.volumes, "logs": use.logs} if use else {}
        found.append(AppDisk(app=app, images=images.images, bytes=images.size, shared=images.shared, **measured))
    return sorted(found, key=lambda it: (-it.bytes - (it.containers or 0) - (it.volumes or 0) - (it.logs or 0), it.app))


async def _of_tenant(call: Call, view: ServerView) -> ServerView:
    """Return the view without other apps: a token for one app sees that app and its previews."""
    reaches = call.actor.reaches
    own = [it for it in await call.engine.queries.apps() if reaches(it.app.name)]
    disk = {app: images for app, images in view.disk.items() if reaches(app)}
    busy = sum(it.status.word is StatusWord.DEPLOYING for it in own)
    use = {app: use for app, use in view.use.items() if reaches(app)}
    return replace(view, apps=len(own), running_operations=busy, disk=disk, use=use)


async def list_tokens(call: Call) -> Response:
    """List the tokens, without their secrets."""
    return json_answer({"tokens": [translate.token(it) for it in await call.engine.queries.tokens()]})


async def create_token(call: Call) -> Response:
    """Create a token; only this answer shows its secret."""
    body = await call.body(CreateToken)
    token, text = await call.engine.tokens.create(body.name, Role(body.role), body.app, body.expires_in, call.actor)
    return json_answer(translate.new_token(token, text), 201, {"Location": f"/api/v1/tokens/{token.id}"})


async def revoke_token(call: Call) -> Response:
    """Revoke a token, at once."""
    await call.engine.tokens.revoke(call.request.path_params["token"], call.actor)
    return Response(status_code=204)
