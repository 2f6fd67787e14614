"""The *Releases* and *Release N* pages: the history, and the steps and log of one deploy."""

from collections.abc import AsyncIterator

from markupsafe import Markup
from starlette.responses import PlainTextResponse, Response

from pvdify.dashboard.batches import batched
from pvdify.dashboard.call import Call
from pvdify.dashboard.charts import step_bars
from pvdify.dashboard.rendering import render
from pvdify.dashboard.views.releases import bars, why_not
from pvdify.engine.reading.differences import Difference
from pvdify.engine.reading.views import ReleaseView
from pvdify.model.deploy_log import EntryKind, LogEntry
from pvdify.web.answers import ServerSentEvent, event_stream

SHOWN, MOST = 50, 1000
LOG_LINES = 400  # the last lines of a deploy log that the page shows; a link opens the whole log


async def list_releases(call: Call) -> Response:
    """Show the app's releases, newest first."""
    limit = call.number("n", SHOWN, MOST)
    found = await call.engine.queries.releases(call.app, limit + 1)
    keep = call.engine.settings.keep_releases
    rows = [(view, why_not(view, keep)) for view in found[:limit]]
    live = (await call.engine.queries.app(call.app)).live
    return call.app_page("releases.html", "Releases", rows=rows, live=live, has_more=len(found) > limit, limit=limit)


async def show_release(call: Call) -> Response:
    """Show a release with its steps, deploy log, and differences from another release."""
    view = await call.engine.queries.release(call.app, _version(call))
    entries = await call.engine.queries.deploy_log(call.app, view.release.version)
    to = call.number("to", 0, 10**9)
    other = to or view.previous
    return call.app_page(
        "release.html", "Releases", view=view, release=view.release, content=Markup(await _content(call)),  # noqa: S704
        entries=_shown(entries)[-LOG_LINES:], is_cut=len(entries) > LOG_LINES, seen=len(entries) - 1,
        why_not=why_not(view, call.engine.settings.keep_releases), other=other,
        changes=await _changes(call, other, view.release.version) if other else None,
    )  # fmt: skip


async def show_log(call: Call) -> Response:
    """Send the whole deploy log as text."""
    entries = _shown(await call.engine.queries.deploy_log(call.app, _version(call)))
    lines = (f"{entry.at.isoformat(timespec='milliseconds')} {entry.step or '|'} {entry.text}\n" for entry in entries)
    return PlainTextResponse("".join(lines))


async def stream_release(call: Call) -> Response:
    """Stream a deploy's steps and log lines. A reconnected stream continues after the last line that was sent."""
    await call.engine.queries.release(call.app, _version(call))
    seen = call.request.headers.get("last-event-id") or call.query("seen")
    return event_stream(_follow(call, int(seen) + 1 if seen.isascii() and seen.isdigit() and len(seen) < 12 else 0))


async def cancel(call: Call) -> Response:
    """Cancel the deploy of a release that is not live yet."""
    await call.engine.requests.cancel(call.app, _version(call), call.actor)
    path = f"/apps/{call.app}/releases/{_version(call)}"
    return call.done(path, f"v{_version(call)} is being canceled. Visitors see no change.")


def _version(call: Call) -> int:
    return int(call.request.path_params["version"])


async def _content(call: Call) -> str:
    queries = call.engine.queries
    view = await queries.release(call.app, _version(call))
    operation = await queries.operation(call.app, _version(call))
    live = (await queries.app(call.app)).live
    return render(
        "parts/release.html", app=call.app, view=view, release=view.release, bars=step_bars(bars(view, operation)),
        has_steps=bool(bars(view, operation)), live=live, url=(await queries.urls()).of_app(call.app),
    )  # fmt: skip


async def _changes(call: Call, older: int, newer: int) -> tuple[Difference, ...]:
    return await call.engine.queries.diff(call.app, older, newer)


async def _follow(call: Call, number: int) -> AsyncIterator[ServerSentEvent]:
    entries = call.engine.queries.follow_deploy_log(call.app, _version(call), number)
    async for batch in batched(entries):
        found = [entry for entry in batch if entry is not None]
        number += len(found)
        if found:
            text = await _partials(call, tuple(found), is_over=False)
            yield ServerSentEvent(data=text, id=str(number - 1))
    yield ServerSentEvent(data=await _partials(call, (), is_over=True), id=str(number - 1))
    yield ServerSentEvent(name="end", data="")


async def _partials(call: Call, entries: tuple[LogEntry, ...], *, is_over: bool) -> str:
    view: ReleaseView = await call.engine.queries.release(call.app, _version(call))
    return render(
        "parts/release_news.html", content=Markup(await _content(call)), entries=_shown(entries),  # noqa: S704
        release=view.release, is_over=is_over, newest=entries[-1] if entries else None,
    )  # fmt: skip


def _shown(entries: tuple[LogEntry, ...]) -> list[LogEntry]:
    return [entry for entry in entries if entry.kind is not EntryKind.STEP_STARTED]
