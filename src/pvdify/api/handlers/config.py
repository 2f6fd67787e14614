"""/apps/{app}/config."""

from collections.abc import Mapping

from starlette.responses import Response

from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.errors import InvalidConfigVar
from pvdify.model.config import ConfigVar
from pvdify.model.instance import Secret
from pvdify.wire import answers


async def show_config(call: Call) -> Response:
    """The newest config: name -> value."""
    view = await call.engine.queries.config(call.app)
    return _answer(view.values, view.version, view.live_version)


async def change_config(call: Call) -> Response:
    """A new config version; null unsets."""
    changes = _changes(await call.object())
    version, values = await call.engine.requests.change_config(call.app, changes, call.actor)
    live = (await call.engine.queries.app(call.app)).live
    return _answer(values, version, live.config_version if live else None)


async def list_versions(call: Call) -> Response:
    """All changes of the config, newest first; names only."""
    versions = await call.engine.queries.config_versions(call.app)
    shown = [
        answers.ConfigVersion(
            version=it.version, created_at=it.created_at, created_by=it.created_by,
            set=list(it.set_keys), unset=list(it.unset_keys),
        )
        for it in versions
    ]  # fmt: skip
    return json_answer({"versions": shown})


def _answer(values: Mapping[str, ConfigVar], version: int, live: int | None) -> Response:
    headers = {"X-Config-Version": str(version)} | ({"X-Live-Config-Version": str(live)} if live is not None else {})
    shown = {name: {"secret": True} if var.is_secret else str(var.value) for name, var in values.items()}
    return json_answer(shown, headers=headers)


def _changes(body: Mapping[str, object]) -> dict[str, ConfigVar | Secret | None]:
    changes: dict[str, ConfigVar | Secret | None] = {}
    problems = []
    for name, given in body.items():
        problem = _problem(given)
        if problem:
            problems.append(f"{name}: {problem}")
        elif isinstance(given, Mapping):
            value, secret = Secret(given["value"]), given.get("secret")
            changes[name] = value if secret is None else ConfigVar(value=value, is_secret=secret)
        else:
            changes[name] = None if given is None else Secret(given)
    if problems:
        raise InvalidConfigVar(
            "the config was not changed", next="correct the names or values", details={"problems": problems}
        )
    return changes


def _problem(given: object) -> str | None:
    """Why this is no change of a config var; never with the value."""
    if given is None or isinstance(given, str):
        return None
    if not isinstance(given, Mapping) or not isinstance(given.get("value"), str):
        return 'expected a text, null, or {"value": a text}'
    if set(given) - {"value", "secret"}:
        return "unknown key; valid are secret, value"
    return None if isinstance(given.get("secret"), bool | None) else "secret: expected true or false"
