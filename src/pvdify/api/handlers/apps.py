"""/apps."""

from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.engine.reading.views import AppView
from pvdify.web.answers import encoded_answer, json_answer
from pvdify.wire import answers
from pvdify.wire.requests import ChangeApp, CreateApp, PauseApp, RenameApp


async def list_apps(call: Call) -> Response:
    """List the apps that the token may see."""
    views = await call.engine.queries.apps()
    is_everything = call.actor.app is None
    mine = views if is_everything else [view for view in views if call.actor.reaches(view.app.name)]
    urls = await call.engine.queries.urls()
    return encoded_answer(await call.kept.apps.all_of(mine, urls, is_everything=is_everything))


async def create_app(call: Call) -> Response:
    """Create an app, without a release."""
    body = await call.body(CreateApp)
    view = await call.engine.requests.create_app(body.name, call.actor)
    return await _answer(call, view, 201, {"Location": f"/api/v1/apps/{body.name}"})


async def show_app(call: Call) -> Response:
    """Return an app."""
    return await _answer(call, await call.engine.queries.app(call.app))


async def change_app(call: Call) -> Response:
    """Turn maintenance on or off."""
    body = await call.body(ChangeApp)
    return await _answer(call, await call.engine.requests.set_maintenance(call.app, call.actor, is_on=body.maintenance))


async def rename_app(call: Call) -> Response:
    """Rename an app; everything that belongs to it moves along."""
    body = await call.body(RenameApp)
    view = await call.engine.renames.rename(call.app, body.name, call.actor, keeps_hostname=body.keep_hostname)
    return await _answer(call, view)


async def pause_app(call: Call) -> Response:
    """Hold the app's requests."""
    body = await call.body(PauseApp)
    return await _answer(call, await call.engine.requests.pause(call.app, body.seconds, call.actor))


async def resume_app(call: Call) -> Response:
    """Stop to hold the app's requests, and pass the held ones on."""
    return await _answer(call, await call.engine.requests.resume(call.app, call.actor))


async def destroy_app(call: Call) -> Response:
    """Destroy an app and everything that belongs to it; ``confirm`` repeats its name, ``purge`` deletes its volumes."""
    confirm = call.request.query_params.get("confirm")
    purges = call.flag("purge")
    await call.engine.requests.destroy_app(call.app, confirm, call.actor, purges=purges)
    kept = 0.0 if purges else call.engine.settings.trash.total_seconds()
    return json_answer(answers.DestroyedApp(name=call.app, trash_seconds=kept), 202)


async def _answer(
    call: Call, view: AppView, status: int = 200, headers: dict[str, str] | None = None
) -> Response:  # fmt: skip
    return encoded_answer(call.kept.apps.of(view, await call.engine.queries.urls()), status, headers)
