"""/notifications and /deliveries."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.notifying.notifications import NotificationRequest
from pvdify.model.instance import Secret
from pvdify.model.notice import Channel
from pvdify.web.answers import json_answer
from pvdify.wire.requests import AddNotification


async def list_notifications(call: Call) -> Response:
    """List the notifications."""
    return json_answer({"notifications": [translate.notification(it) for it in await call.engine.notifications.list()]})


async def add_notification(call: Call) -> Response:
    """Add a notification."""
    body = await call.body(AddNotification)
    request = NotificationRequest(
        channel=Channel(body.channel), url=Secret(body.url), app=body.app, events=tuple(body.events)
    )
    added, key = await call.engine.notifications.add(request, call.actor)
    return json_answer(translate.notification(added, key), 201, {"Location": f"/api/v1/notifications/{added.id}"})


async def remove_notification(call: Call) -> Response:
    """Remove a notification."""
    await call.engine.notifications.remove(_id(call), call.actor)
    return Response(status_code=204)


async def test_notification(call: Call) -> Response:
    """Send a test notice once, and return the outcome, also of a failure."""
    return json_answer(translate.delivery(await call.engine.notifications.test(_id(call), call.actor)))


async def list_deliveries(call: Call) -> Response:
    """List the deliveries, newest first."""
    wanted = call.request.query_params.get("notification")
    found = await call.engine.notifications.deliveries(wanted, call.number("limit", 50) or 50)
    return json_answer({"deliveries": [translate.delivery(it) for it in found]})


def _id(call: Call) -> str:
    return str(call.request.path_params["notification"])
