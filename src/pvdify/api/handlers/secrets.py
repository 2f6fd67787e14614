"""/secrets: who can open the config files; and what only an admin may do with an app's config."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.ports.secrets import Reencrypted
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import AddRecipient, ImportConfig, RevealConfig

_UNKEPT = {"Cache-Control": "no-store"}


async def list_recipients(call: Call) -> Response:
    """List the recipients of the config files' encryption, the server's own first."""
    found = await call.engine.recipients.list()
    return json_answer({"recipients": [translate.recipient(it) for it in found]})


async def add_recipient(call: Call) -> Response:
    """Add a recipient, and encrypt every config file for it, too."""
    body = await call.body(AddRecipient)
    return _reencrypted(await call.engine.recipients.add(body.name, body.key, call.actor), 201)


async def remove_recipient(call: Call) -> Response:
    """Remove a recipient, and encrypt every config file again without it."""
    return _reencrypted(await call.engine.recipients.remove(str(call.request.path_params["name"]), call.actor))


async def rotate(call: Call) -> Response:
    """Replace the server's key, and encrypt every config file again."""
    return _reencrypted(await call.engine.recipients.rotate(call.actor))


async def reveal_config(call: Call) -> Response:
    """Return the values of these config vars, secrets included: name -> value. An event records the caller."""
    body = await call.body(RevealConfig)
    return json_answer(await call.engine.config_files.reveal(call.app, body.keys, call.actor), headers=_UNKEPT)


async def export_config(call: Call) -> Response:
    """Return the SOPS file of the newest config version, encrypted as stored."""
    version, text = await call.engine.config_files.export_file(call.app, call.actor)
    return json_answer(answers.ConfigFile(version=version, content=text), headers=_UNKEPT)


async def import_config(call: Call) -> Response:
    """Replace the app's config with the content of a SOPS file; names that are not in it are unset."""
    body = await call.body(ImportConfig)
    done = await call.engine.config_files.import_file(call.app, body.content, body.format, body.plain, call.actor)
    return json_answer(translate.imported(done))


def _reencrypted(done: Reencrypted, status: int = 200) -> Response:
    recipients = [translate.recipient(it) for it in done.recipients]
    return json_answer(answers.Reencrypted(files=done.documents, recipients=recipients), status)
