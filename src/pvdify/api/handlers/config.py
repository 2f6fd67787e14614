"""/apps/{app}/config."""

from collections.abc import Mapping

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.access.tokens import check_allowed
from pvdify.engine.reading.views import ConfigView
from pvdify.errors import InvalidConfigVar
from pvdify.model.config import SHOWN, ConfigVar, check_number_of_changes, problems_of_var
from pvdify.model.instance import Secret
from pvdify.model.token import Role
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import CopyConfig, RollBackConfig


async def show_config(call: Call) -> Response:
    """Return the newest config: name -> value; with ``versions``: its version, the live release's, and ``vars``."""
    view = await call.engine.queries.config(call.app)
    return _answer(call, view)


async def change_config(call: Call) -> Response:
    """Create a config version from changes; null unsets a config var. With ``versions`` as for GET."""
    changes = _changes(await call.object())
    return _answer(call, await call.engine.requests.change_config(call.app, changes, call.actor))


async def copy_config(call: Call) -> Response:
    """Copy config vars from another app; secrets only if ``secrets`` is true."""
    body = await call.body(CopyConfig)
    check_allowed(call.actor, Role.DEPLOY if body.secrets else Role.READ, body.source)
    done = await call.engine.config_files.copy(
        body.source, call.app, body.keys, call.actor, with_secrets=body.secrets
    )  # fmt: skip
    return json_answer(
        answers.CopiedConfig(
            version=done.version, live_version=done.live_version, set=list(done.set_keys),
            left_out=list(done.left_out),
        )
    )  # fmt: skip


async def roll_back_config(call: Call) -> Response:
    """Create a config version equal to an older one, by default to the one before the newest."""
    body = await call.body(RollBackConfig)
    return json_answer(translate.imported(await call.engine.config_files.roll_back(call.app, body.version, call.actor)))


async def list_versions(call: Call) -> Response:
    """List the config versions, newest first, with the names that changed and without values."""
    versions = await call.engine.queries.config_versions(call.app)
    shown = [translate.config_version(it, set=list(it.set_keys), unset=list(it.unset_keys)) for it in versions]
    return json_answer({"versions": shown})


def _answer(call: Call, view: ConfigView) -> Response:
    """Return the response: config vars alone, and versions in headers, or also in the body if asked."""
    headers = {"X-Config-Version": str(view.version)}
    if view.live_version is not None:
        headers["X-Live-Config-Version"] = str(view.live_version)
    shown: dict[str, object] = {
        name: {"secret": True} if var.is_secret else str(var.value) for name, var in view.values.items()
    }
    shown |= {name: {"secret": True, "service": service} for name, service in view.linked.items()}
    if call.flag("versions"):
        content = {"version": view.version, "live_version": view.live_version, "vars": shown}
        return json_answer(content, headers=headers)
    return json_answer(shown, headers=headers)


def _changes(body: Mapping[str, object]) -> dict[str, ConfigVar | Secret | None]:
    check_number_of_changes(len(body))
    changes: dict[str, ConfigVar | Secret | None] = {}
    problems = []
    for name, given in body.items():
        problem = _problem(given)
        if problem:
            problems += [*problems_of_var(name, None), f"{name[:SHOWN]}: {problem}"]
        elif isinstance(given, Mapping):
            value, secret = Secret(given["value"]), given.get("secret")
            changes[name] = value if secret is None else ConfigVar(value=value, is_secret=secret)
        else:
            changes[name] = None if given is None else Secret(given)
    if problems:
        valid = {name: it for name, it in changes.items() if it is not None}
        problems += [text for name, it in valid.items() for text in problems_of_var(name, _as_var(it))]
        raise InvalidConfigVar(
            "the config was not changed", next="correct the names or values", details={"problems": problems[:SHOWN]}
        )
    return changes


def _as_var(change: ConfigVar | Secret) -> ConfigVar:
    return change if isinstance(change, ConfigVar) else ConfigVar(value=change)


def _problem(given: object) -> str | None:
    """Return why this is not a valid change of a config var, without the value; None if it is valid."""
    if given is None or isinstance(given, str):
        return None
    if not isinstance(given, Mapping) or not isinstance(given.get("value"), str):
        return 'expected a text, null, or {"value": a text}'
    if set(given) - {"value", "secret"}:
        return "unknown key; valid are secret, value"
    return None if isinstance(given.get("secret"), bool | None) else "secret: expected true or false"
