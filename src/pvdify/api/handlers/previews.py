"""/apps/{app}/previews."""

from datetime import datetime

from starlette.responses import Response

from pvdify.api import translate
from pvdify.api.call import Call
from pvdify.api.handlers.releases import idempotency
from pvdify.engine.deploys.acceptance import read_deploy
from pvdify.engine.previews.previews import PreviewRequest, PreviewView
from pvdify.errors import InvalidError
from pvdify.model.release import Source
from pvdify.web.answers import json_answer
from pvdify.wire import answers
from pvdify.wire.requests import PutPreview


async def list_previews(call: Call) -> Response:
    """List an app's previews, ordered by pull request."""
    found = await call.engine.previews.list(call.app)
    urls = await call.engine.queries.urls()
    return json_answer({"previews": [translate.preview(it, urls) for it in found]})


async def show_preview(call: Call) -> Response:
    """Return a preview."""
    return json_answer(await _shown(call, await call.engine.previews.show(call.app, call.pr)))


async def put_preview(call: Call) -> Response:
    """Create the preview, or deploy to the existing one; answers before it is live."""
    body = await call.body(PutPreview, and_deploy_of=call.app)
    source = Source(
        commit=body.commit, branch=body.branch, run_number=body.run_number, is_older_allowed=body.allow_older
    )
    request = PreviewRequest(
        deploy=await read_deploy(call.app, image=body.image, manifest=body.manifest, source=source),
        repository=body.repository,
        is_fork=body.fork,
        labels=tuple(body.labels),
        as_of=_aware(body.as_of),
    )
    view, release = await call.engine.previews.open(
        call.app, call.pr, request, call.actor, idempotency(call, call.app, body)
    )
    headers = {"Location": f"/api/v1/apps/{release.app}/releases/{release.version}"}
    return json_answer(await _shown(call, view), 202, headers)


async def close_preview(call: Call) -> Response:
    """Close the preview: it is removed after ``previews.close_delay``."""
    text = call.request.query_params.get("as_of")
    try:
        as_of = _aware(datetime.fromisoformat(text)) if text else None
    except ValueError as error:
        raise InvalidError(
            f'as_of is "{text}"', why="expected a time like 2026-11-23T11:31:02Z", next="correct it"
        ) from error
    return json_answer(await _shown(call, await call.engine.previews.close(call.app, call.pr, call.actor, as_of)))


async def keep_preview(call: Call) -> Response:
    """Keep an open or closed preview for at least one more day."""
    return json_answer(await _shown(call, await call.engine.previews.keep(call.app, call.pr, call.actor)))


async def _shown(call: Call, view: PreviewView) -> answers.Preview:
    return translate.preview(view, await call.engine.queries.urls())


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise InvalidError(f"as_of is {moment.isoformat()}", why="it has no time zone", next="add one, like Z for UTC")
    return moment
