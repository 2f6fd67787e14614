"""/runtime."""

from starlette.responses import Response

from pvdify.api.call import Call
from pvdify.engine.deploys.runtime_plan import RuntimeView
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import ChooseRuntime


async def show_runtime(call: Call) -> Response:
    """The container runtime of new releases, and what a move of all apps to the runtime ``to`` does."""
    return json_answer(_answer(await call.engine.runtime_plan.show(call.request.query_params.get("to"))))


async def choose_runtime(call: Call) -> Response:
    """Put new releases on this runtime, and move the apps to it, one after the other, in the background."""
    body = await call.body(ChooseRuntime)
    await call.engine.runtime_moves.choose(body.runtime, call.actor)
    return json_answer(_answer(await call.engine.runtime_plan.show()), status=202)


async def cancel_move(call: Call) -> Response:
    """Move no further app; new releases are on the earlier runtime again."""
    await call.engine.runtime_moves.cancel(call.actor)
    return json_answer(_answer(await call.engine.runtime_plan.show()))


def _answer(view: RuntimeView) -> answers.ServerRuntime:
    choice = view.choice
    return answers.ServerRuntime(
        runtime=view.runtime,
        setting=view.setting,
        target=view.target,
        move=choice.state.value if choice else None,
        chosen_at=choice.chosen_at if choice else None,
        chosen_by=choice.chosen_by if choice else None,
        obstacle=view.obstacle,
        apps=[
            answers.RuntimeApp(
                app=it.app, runtime=it.runtime, state=it.state, instances=list(it.instances), memory=it.memory,
                held=list(it.held), hold=it.hold, problem=it.problem,
                copied=[answers.CopiedVolume(name=volume.name, size=volume.size) for volume in it.copied],
            )
            for it in view.apps
        ],
        services=list(view.services),
    )  # fmt: skip
