"""/posthog."""

from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.engine.notifying.posthog import Posthog
from pvdify.model.instance import Secret
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import ConnectPosthog


async def show_posthog(call: Call) -> Response:
    """Return the PostHog project that the server is connected to."""
    return json_answer(_answer(await call.engine.posthog.show()))


async def connect_posthog(call: Call) -> Response:
    """Connect to a PostHog project, in place of an earlier one."""
    body = await call.body(ConnectPosthog)
    personal = Secret(body.personal_key) if body.personal_key is not None else None
    wanted = Posthog(host=body.host, key=Secret(body.key), personal_key=personal, project=body.project)
    return json_answer(_answer(await call.engine.posthog.connect(wanted, call.actor)))


async def disconnect_posthog(call: Call) -> Response:
    """Disconnect from PostHog; succeeds also without a connection."""
    await call.engine.posthog.disconnect(call.actor)
    return Response(status_code=204)


def _answer(link: Posthog | None) -> answers.Posthog:
    if link is None:
        return answers.Posthog(is_connected=False, host=None, key=None, annotates=None)
    return answers.Posthog(is_connected=True, host=str(link.host), key=str(link.key), annotates=link.project)
