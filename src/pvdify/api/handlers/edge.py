"""/edge."""

from dataclasses import replace

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.engine.edge.edge import EdgeView
from pvdify.model.edge import EdgeLink
from pvdify.model.instance import Secret
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import ConnectEdge


async def show_edge(call: Call) -> Response:
    """Return the edge and its state; a token for one app sees only that app's hostnames."""
    shown = _answer(await call.engine.edge.show())
    if call.actor.app is None:
        return json_answer(shown)
    views = await call.engine.queries.apps()
    own = {name for it in views if call.actor.reaches(it.app.name) for name in it.hostnames}
    return json_answer(
        replace(
            shown, tunnel=None, process="", failure=None, hostnames=[it for it in shown.hostnames if it in own],
            problems=[it for it in shown.problems if it.hostname in own],
        )
    )  # fmt: skip


async def connect_edge(call: Call) -> Response:
    """Connect the edge; parts that failed are retried in the background."""
    body = await call.body(ConnectEdge)
    link = EdgeLink(token=Secret(body.token), tunnel=body.tunnel)
    return json_answer(_answer(await call.engine.edge.connect(link, call.actor)))


async def disconnect_edge(call: Call) -> Response:
    """Disconnect the edge and remove its records; succeeds also if no edge is connected."""
    await call.engine.edge.disconnect(call.actor)
    return Response(status_code=204)


def _answer(view: EdgeView | None) -> answers.Edge:
    if view is None:
        return answers.Edge(kind="none", tunnel=None, health=None, process="", hostnames=[], problems=[], failure=None)
    state, failure = view.state, view.failure
    return answers.Edge(
        kind=view.kind,
        tunnel=state.tunnel if state else None,
        health=state.health if state else None,
        process=view.process,
        hostnames=sorted(view.wanted.hostnames),
        problems=[translate.edge_problem(it) for it in (state.problems if state else ())],
        failure=translate.failure(failure) if failure else None,
    )
