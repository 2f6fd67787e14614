"""/edge."""

from starlette.responses import Response

from pvdify.api.answers import json_answer
from pvdify.api.call import Call
from pvdify.engine.edge import EdgeView
from pvdify.model.edge import EdgeLink
from pvdify.model.instance import Secret
from pvdify.wire import answers
from pvdify.wire.requests import ConnectEdge


async def show_edge(call: Call) -> Response:
    """What leads visitors here, and how it is."""
    return json_answer(_answer(await call.engine.edge.show()))


async def connect_edge(call: Call) -> Response:
    """Have Cloudflare lead visitors here; what could not be done at once is gone on with by itself."""
    body = await call.body(ConnectEdge)
    link = EdgeLink(token=Secret(body.token), tunnel=body.tunnel)
    return json_answer(_answer(await call.engine.edge.connect(link, call.actor)))


async def disconnect_edge(call: Call) -> Response:
    """Take away what was made at Cloudflare; there may be nothing."""
    await call.engine.edge.disconnect(call.actor)
    return Response(status_code=204)


def _answer(view: EdgeView | None) -> answers.Edge:
    if view is None:
        return answers.Edge(kind="none", tunnel=None, health=None, process="", hostnames=[], problems=[], failure=None)
    state, failure = view.state, view.failure
    return answers.Edge(
        kind="cloudflare",
        tunnel=state.tunnel if state else None,
        health=state.health if state else None,
        process=view.process,
        hostnames=sorted(view.wanted.hostnames),
        problems=[
            answers.EdgeProblem(hostname=it.hostname, what=it.what, next=it.next)
            for it in (state.problems if state else ())
        ],
        failure=answers.Failure(code=failure.code, what=failure.what, why=failure.why, next=failure.next)
        if failure
        else None,
    )
