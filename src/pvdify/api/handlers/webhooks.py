"""/webhooks/github."""

from starlette.responses import Response

from pvdify.api.address import address_of
from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.model.webhook import IncomingWebhook
from pvdify.wire import answers


async def receive_github(call: Call) -> Response:
    """What GitHub tells of a pull request. Signed with the secret; any event is taken, few mean anything."""
    headers, address = call.request.headers, address_of(call.request, call.engine.settings)
    call.engine.webhooks.check_turn(address)
    webhook = IncomingWebhook(
        id=headers.get("x-github-delivery", ""),
        event=headers.get("x-github-event", ""),
        signature=headers.get("x-hub-signature-256", ""),
        content=await call.content(),
        address=address,
    )
    heard = await call.engine.webhooks.receive(webhook)
    return json_answer(answers.Heard(outcome=heard.outcome, previews=list(heard.previews)), 202)
