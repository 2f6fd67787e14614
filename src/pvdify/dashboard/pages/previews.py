"""The *Previews* page: one app per pull request, and when it ends."""

from dataclasses import dataclass

from starlette.responses import Response

from pvdify.dashboard.call import Call
from pvdify.model.preview import Preview
from pvdify.model.release import Release
from pvdify.model.status import Status


@dataclass(frozen=True, kw_only=True)
class Row:
    """A preview with its state, and the status, live release and URL of its app."""

    preview: Preview
    state: str
    status: Status | None
    live: Release | None
    url: str | None


async def show_previews(call: Call) -> Response:
    """Show the previews of an app."""
    engine = call.engine
    await engine.queries.app(call.app)
    views = {view.app.name: view for view in await engine.queries.apps()}
    urls, rows = await engine.queries.urls(), []
    for shown in await engine.previews.list(call.app):
        it = shown.preview
        view = views.get(it.name)
        state = "ending" if shown.is_ending else "open" if it.is_open else "closed"
        live = view.live if view else None
        url = urls.of_app(it.name, live.manifest) if live else None
        rows.append(Row(preview=it, state=state, status=view.status if view else None, live=live, url=url))
    return call.app_page("previews.html", "Previews", rows=rows)


async def close_preview(call: Call) -> Response:
    """Mark the pull request as closed: the preview ends after its close delay."""
    preview = (await call.engine.previews.close(call.app, _number(call), call.actor)).preview
    undo = f"Undo: `pvdify preview {call.app} --pr {preview.number}`"
    return call.done(f"/apps/{call.app}/previews", f"{preview.name} goes {preview.ends_at:%Y-%m-%d %H:%M} UTC. {undo}")


async def keep_preview(call: Call) -> Response:
    """Keep a preview for at least one more day, even if its pull request is closed."""
    preview = (await call.engine.previews.keep(call.app, _number(call), call.actor)).preview
    return call.done(f"/apps/{call.app}/previews", f"{preview.name} stays until {preview.ends_at:%Y-%m-%d %H:%M} UTC.")


async def end_preview(call: Call) -> Response:
    """Destroy a preview now. The form must repeat its name."""
    preview = await call.engine.previews.get(call.app, _number(call))
    await call.engine.requests.destroy_app(preview.name, call.field("confirm"), call.actor)
    return call.done(f"/apps/{call.app}/previews", f"{preview.name} is being taken away.")


def _number(call: Call) -> int:
    return int(call.request.path_params["pr"])
