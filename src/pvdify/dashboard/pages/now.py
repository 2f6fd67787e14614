"""The start page, *Now*: problems that need attention, one row per app, and the server."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.live import shared, stream
from pvdify.dashboard.rendering import render
from pvdify.dashboard.rows import Row, Wanted, find
from pvdify.dashboard.views.attention import LOOK_BACK, Facts, Item, attention
from pvdify.engine.deploys.acceptance import read_deploy
from pvdify.engine.reading.server import Check
from pvdify.engine.reading.views import AppView
from pvdify.errors import InvalidError
from pvdify.model.event import EventFilter
from pvdify.web.checks import check_of_backups

MOST_EVENTS = 300
MOST_ITEMS = 50  # of what needs attention
LONGEST_FILTER = 100  # characters


async def show_now(call: Call) -> Response:
    """Show the apps that the reader may see, in pages. Apps with a problem come first."""
    wanted = _wanted(call)
    shown = await shared(call, ("now", wanted), lambda: _content(call, wanted))
    live = urlencode({"seen": shown.digest, **_query(wanted)})
    return call.page("now.html", content=Markup(shown.text), live=live)  # noqa: S704 - rendered by us


async def stream_now(call: Call) -> Response:
    """Stream the start page whenever it changes."""
    wanted = _wanted(call)
    return stream(call, ("now", wanted), lambda: _content(call, wanted))


async def list_apps(call: Call) -> Response:
    """Send the names of apps as JSON, for the command palette."""
    return JSONResponse([name for name in await call.engine.queries.statuses() if call.actor.reaches(name)])


async def deploy_any(call: Call) -> Response:
    """Deploy an image to an app; create the app if it does not exist."""
    app, image = call.field("app"), call.field("image")
    if not image:
        raise InvalidError("nothing was deployed", why="no image was named", next="name one, like ghcr.io/org/app:v1")
    release = (await call.engine.previews.deploy(app, await read_deploy(app, image=image), call.actor)).release
    return call.done(f"/apps/{app}/releases/{release.version}", f"Deploying v{release.version} of {app}.")


async def _content(call: Call, wanted: Wanted) -> str:
    queries, engine = call.engine.queries, call.engine
    apps = [view for view in await queries.apps() if call.actor.reaches(view.app.name)]
    now = datetime.now(UTC)
    since = EventFilter(app=call.actor.app, since=now - LOOK_BACK)
    summary, edge = await queries.server.summary(), known_edge(call)
    facts = Facts(
        apps=apps,
        failed=[it for it in await queries.failed_releases() if call.actor.reaches(it.app)],
        events=await queries.activity.last(since, MOST_EVENTS),
        jobs=[it for it in await engine.jobs.records() if call.actor.reaches(it.app)],
        summary=summary, edge=edge, backups=known_backups(call), min_free_disk=engine.settings.min_free_disk, now=now,
    )  # fmt: skip
    items, found = _for(call, attention(facts)), find(apps, wanted)
    running, samples = queries.processes.running(), engine.samples
    rows = [
        Row(
            view=view, running=running.get(_slot(view), 0), rates=samples.rates(view.app.name),
            spark=call.shared.sparks.of(view.app, samples),
        )
        for view in found.views
    ]  # fmt: skip
    return render(
        "parts/now.html", items=items[:MOST_ITEMS], more=len(items) - MOST_ITEMS, found=found, filter=wanted.text,
        rows=call.shared.rows.html(rows), pages=_pages(wanted, found.page, found.pages), summary=summary, edge=edge,
        is_tenant=call.actor.app is not None,
    )  # fmt: skip


def _wanted(call: Call) -> Wanted:
    return Wanted(text=call.query("filter")[:LONGEST_FILTER], page=call.number("page", 1, 10**6))


def _query(wanted: Wanted) -> dict[str, str]:
    """Return the part of an address that asks for this part of the list."""
    query = {"filter": wanted.text} if wanted.text else {}
    return query | ({"page": str(wanted.page)} if wanted.page > 1 else {})


def _pages(wanted: Wanted, page: int, pages: int) -> list[tuple[str, str]]:
    """Return the links to the page before and the next one: label and address."""
    return [
        (label, f"/?{urlencode(_query(replace(wanted, page=number)))}".rstrip("?"))
        for label, number in (("Previous", page - 1), ("Next", page + 1))
        if 0 < number <= pages
    ]


def _for(call: Call, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items for the reader. Items about the server are only for actors with rights for all apps."""
    return items if call.actor.app is None else tuple(it for it in items if it.path != "/server")


def _slot(view: AppView) -> tuple[str, int]:
    return view.app.name, (view.live.slot or 0) if view.live else 0


def known_backups(call: Call) -> Check | None:
    """Return the last check of backups; None if none was needed or made yet. It is refreshed in the background."""

    async def ask() -> tuple[Check, ...]:
        return check_of_backups(await call.engine.backups.health())

    known = call.shared.checks.get("backups", ask)
    return known.value[0] if known.value else None


def known_edge(call: Call) -> Check | None:
    """Return the last check of the edge, or None before the first one. It is refreshed in the background."""

    async def ask() -> tuple[Check, ...]:
        return (await call.engine.edge.check(),)

    known = call.shared.checks.get("edge", ask)
    return known.value[0] if known.value else None
