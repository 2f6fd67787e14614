"""The *Config* page: the config vars, the actor and release of each, and their history. Secrets are hidden."""

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.views.config import rows_of, unapplied
from pvdify.errors import InvalidError
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret

HISTORY, RELEASES = 30, 200


async def show_config(call: Call) -> Response:
    """Show the newest config, and its changes that are not live yet."""
    return await _page(call, {})


async def change_config(call: Call) -> Response:
    """Set a config var. The next deploy applies the change."""
    name = call.field("name")
    if not name:
        raise InvalidError("nothing was set", why="no name was given", next="name the config var")
    value = Secret(call.form.get("value", ""))
    var = ConfigVar(value=value, is_secret=True) if call.field("is_secret") else value
    version = (await call.engine.requests.change_config(call.app, {name: var}, call.actor)).version
    return call.done(f"/apps/{call.app}/config", f"{name} is set in config v{version}. Deploy to apply it.")


async def unset_config(call: Call) -> Response:
    """Unset a config var. The next deploy applies the change."""
    name = call.field("name")
    version = (await call.engine.requests.change_config(call.app, {name: None}, call.actor)).version
    return call.done(f"/apps/{call.app}/config", f"{name} is not set in config v{version}. Deploy to apply it.")


async def roll_back_config(call: Call) -> Response:
    """Create a config version equal to an older one. The next deploy applies the change."""
    text = call.field("version")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidError(
            "nothing was changed", why="the version is not a number", next="choose a version of the history"
        )
    done = await call.engine.config_files.roll_back(call.app, int(text), call.actor)
    return call.done(f"/apps/{call.app}/config", f"Config v{done.version} repeats v{int(text)}. Deploy to apply it.")


async def reveal_config(call: Call) -> Response:
    """Show the value of a config var in this response only, and record an event with the actor."""
    name = call.field("name")
    found = await call.engine.config_files.reveal(call.app, [name], call.actor)
    return await _page(call, {key: str(value) for key, value in found.items()})


async def _page(call: Call, revealed: dict[str, str]) -> Response:
    queries = call.engine.queries
    view, versions = await queries.config(call.app), await queries.config_versions(call.app)
    releases = [it.release for it in await queries.releases(call.app, RELEASES)]
    rows, edited = rows_of(view.values, versions, releases), call.query("edit")
    return call.app_page(
        "config.html", "Config", view=view, rows=rows, versions=versions[:HISTORY], revealed=revealed,
        changes=unapplied(view.values, versions, view.live_version), live=(await queries.app(call.app)).live,
        edited=next((row for row in rows if row.name == edited), None),
    )  # fmt: skip
