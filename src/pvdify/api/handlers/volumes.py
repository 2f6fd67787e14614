"""/apps/{app}/volumes."""

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.web.answers import json_answer


async def list_volumes(call: Call) -> Response:
    """List the app's volumes, those in the trash included."""
    found = await call.engine.volumes.list(call.app)
    return json_answer({"volumes": [translate.volume(it, call.engine.settings) for it in found]})


async def destroy_volume(call: Call) -> Response:
    """Destroy a volume: move it to the trash, or delete it with ``purge``."""
    name = str(call.request.path_params["volume"])
    await call.engine.volumes.destroy(call.app, name, call.actor, purges=call.flag("purge"))
    return Response(status_code=204)


async def restore_volume(call: Call) -> Response:
    """Restore a volume from the trash."""
    await call.engine.volumes.restore(call.app, str(call.request.path_params["volume"]), call.actor)
    return Response(status_code=204)
