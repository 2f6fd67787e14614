"""/apps."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.wire.requests import ChangeApp, CreateApp


async def list_apps(call: Call) -> Response:
    """All apps that the caller may see."""
    views = await call.engine.queries.apps()
    mine = [view for view in views if call.actor.reaches(view.app.name)]
    return json_answer({"apps": [translate.app(view, call.engine.settings) for view in mine]})


async def create_app(call: Call) -> Response:
    """A new app without a release."""
    body = await call.body(CreateApp)
    await call.engine.requests.create_app(body.name, call.actor)
    view = await call.engine.queries.app(body.name)
    headers = {"Location": f"/api/v1/apps/{body.name}"}
    return json_answer(translate.app(view, call.engine.settings), 201, headers)


async def show_app(call: Call) -> Response:
    """One app."""
    return json_answer(translate.app(await call.engine.queries.app(call.app), call.engine.settings))


async def change_app(call: Call) -> Response:
    """Maintenance on or off."""
    body = await call.body(ChangeApp)
    await call.engine.requests.set_maintenance(call.app, call.actor, is_on=body.maintenance)
    return await show_app(call)


async def destroy_app(call: Call) -> Response:
    """Take the app away with everything of it; ``confirm`` repeats its name."""
    await call.engine.requests.destroy_app(call.app, call.request.query_params.get("confirm"), call.actor)
    return json_answer({}, 202)
