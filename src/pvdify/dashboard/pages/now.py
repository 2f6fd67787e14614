"""The start page, *Now*: problems that need attention, one row per app, and the server."""

from datetime import UTC, datetime

from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from pvdify.dashboard.call import Call
from pvdify.dashboard.charts import sparkline
from pvdify.dashboard.live import shared, stream
from pvdify.dashboard.rendering import render
from pvdify.dashboard.rows import Row
from pvdify.dashboard.views.attention import LOOK_BACK, Facts, Item, attention
from pvdify.engine.deploys.acceptance import read_deploy
from pvdify.engine.reading.server import Check
from pvdify.engine.reading.views import AppView
from pvdify.errors import InvalidError
from pvdify.model.event import EventFilter
from pvdify.model.names import environment_of
from pvdify.model.samples import Measure
from pvdify.web.checks import check_of_backups

MOST_EVENTS = 300
SPARK_POINTS, SPARK_WIDTH = 24, 72
_ORDER = ("crashing", "down", "degraded", "held", "maintenance", "deploying")


async def show_now(call: Call) -> Response:
    """Show all apps that the reader may see. Apps with a problem come first."""
    shown = await shared(call, "now", lambda: _content(call))
    return call.page("now.html", content=Markup(shown.text), digest=shown.digest)  # noqa: S704 - rendered by us


async def stream_now(call: Call) -> Response:
    """Stream the start page whenever it changes."""
    return stream(call, "now", lambda: _content(call))


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


async def _content(call: Call) -> str:
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
    running = queries.processes.running()
    rows = sorted((_row(call, view, running.get(_slot(view), 0)) for view in apps), key=_place)
    drawn = [call.shared.rows.html(row) for row in rows]
    return render("parts/now.html", items=_for(call, attention(facts)), rows=drawn, summary=summary, edge=edge)


def _for(call: Call, items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items for the reader. Items about the server are only for actors with rights for all apps."""
    return items if call.actor.app is None else tuple(it for it in items if it.path != "/server")


def _row(call: Call, view: AppView, running: int) -> Row:
    name = view.app.name
    counts = view.scale.counts(view.live.manifest) if view.live else {}
    return Row(
        view=view, environment=environment_of(name).value, running=running, wanted=sum(counts.values()),
        rates=call.engine.samples.rates(name), spark=_spark(call, name),
    )  # fmt: skip


def _spark(call: Call, app: str) -> Markup:
    """Return the chart of the app's requests in the last 24 hours. It is drawn once per set of samples."""
    samples, sparks = call.engine.samples, call.shared.sparks
    if sparks.at != samples.at:
        sparks.at = samples.at
        sparks.drawn.clear()
    if app not in sparks.drawn:
        day = samples.day(app, Measure.REQUESTS)
        label = f"requests of {app} over 24 hours"
        sparks.drawn[app] = sparkline(day, label, SPARK_POINTS, SPARK_WIDTH) if any(day) else Markup("")
    return sparks.drawn[app]


def _slot(view: AppView) -> tuple[str, int]:
    return view.app.name, (view.live.slot or 0) if view.live else 0


def _place(row: Row) -> tuple[int, str]:
    word = row.view.status.word.value
    return (_ORDER.index(word) if word in _ORDER else len(_ORDER)), row.view.app.name


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
