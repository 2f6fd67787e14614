"""/webhooks/github."""

from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.model.webhook import IncomingWebhook
from pvdify.web.address import address_of
from pvdify.web.answers import json_answer
from pvdify.wire import answers


async def receive_github(call: Call) -> Response:
    """Receive a webhook of GitHub, signed with the shared secret; ignores events other than those of pull requests."""
    headers, address = call.request.headers, await address_of(call.request, call.engine)
    webhook = IncomingWebhook(
        id=headers.get("x-github-delivery", ""),
        event=headers.get("x-github-event", ""),
        signature=headers.get("x-hub-signature-256", ""),
        content=await call.content(),
        address=address,
    )
    received = await call.engine.webhooks.receive(webhook)
    return json_answer(answers.ReceivedWebhook(outcome=received.outcome, previews=list(received.previews)), 202)
