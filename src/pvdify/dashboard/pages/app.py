"""The *App* page: the live release, undo, deploy, charts of the last 24 hours, and instances."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from markupsafe import Markup
from starlette.responses import Response

from pvdify.dashboard import charts, formats
from pvdify.dashboard.call import Call
from pvdify.dashboard.live import stream
from pvdify.dashboard.pulse import digest
from pvdify.dashboard.rendering import render
from pvdify.engine.deploys.acceptance import read_deploy
from pvdify.engine.reading.views import ReleaseView
from pvdify.errors import InvalidError, PvdifyError
from pvdify.model.event import EventFilter
from pvdify.model.operation import Strategy
from pvdify.model.release import Release, ReleaseStatus
from pvdify.model.samples import Measure
from pvdify.model.scale import RequestedCount

DAY = timedelta(hours=24)
RECENT_EVENTS, RECENT_RELEASES = 12, 60


@dataclass(frozen=True, kw_only=True)
class Undo:
    """The release that a rollback would repeat. ``is_warm``: its instances still run."""

    target: Release
    is_warm: bool


async def show_app(call: Call) -> Response:
    """Show the overview of an app."""
    top, rest = await _content(call)
    engine = call.engine
    view = await engine.queries.app(call.app)
    known, _ = await engine.queries.processes.known(call.app, engine.samples.in_use)
    return call.app_page(
        "app.html", "App", top=top, rest=rest, digest=digest(_news(top, rest)), view=view,
        undo=await undo_of(call), processes=known.processes, config=await _unapplied(call, view.live),
    )  # fmt: skip


async def stream_app(call: Call) -> Response:
    """Stream the overview of an app whenever it changes."""
    await call.engine.queries.app(call.app)
    return stream(call, f"app {call.app}", lambda: _latest(call))


async def deploy(call: Call) -> Response:
    """Deploy an image; without an image, deploy the live image again with the newest config."""
    strategy = Strategy.STOP_FIRST if call.field("strategy") == "stop-first" else Strategy.BLUE_GREEN
    request = await read_deploy(call.app, image=call.field("image") or None, strategy=strategy)
    release = (await call.engine.previews.deploy(call.app, request, call.actor)).release
    return call.done(f"/apps/{call.app}/releases/{release.version}", f"Deploying v{release.version}.")


async def rollback(call: Call) -> Response:
    """Roll back: create a release that repeats an older one."""
    version = call.field("version")
    if version and not (version.isascii() and version.isdigit() and len(version) < 10):
        raise InvalidError(
            "nothing was rolled back", why=f"{version[:20]} is not a release", next="choose one of the list"
        )
    live = (await call.engine.queries.app(call.app)).live
    release = (await call.engine.previews.rollback(call.app, int(version) if version else None, call.actor)).release
    undo = f" Undo: `pvdify rollback {call.app} --version {live.version}`" if live else ""
    return call.done(
        f"/apps/{call.app}/releases/{release.version}", f"v{release.version}: {release.description}.{undo}"
    )


async def restart(call: Call) -> Response:
    """Replace all instances, or those of one process, with new ones."""
    await call.engine.processes.restart(call.app, call.field("process") or None, call.actor)
    return call.done(f"/apps/{call.app}", f"Restarting {call.field('process') or 'every process'}.")


async def stop(call: Call) -> Response:
    """Stop the app's instances until ``start``."""
    await call.engine.processes.set_stopped(call.app, call.actor, is_stopped=True)
    return call.done(f"/apps/{call.app}", f"Stopping {call.app}. Undo: Start, or `pvdify ps:start {call.app}`")


async def start(call: Call) -> Response:
    """Start the instances of a stopped app."""
    await call.engine.processes.set_stopped(call.app, call.actor, is_stopped=False)
    return call.done(f"/apps/{call.app}", f"Starting {call.app}.")


async def scale(call: Call) -> Response:
    """Set the number of instances of a process."""
    process, count = call.field("process"), call.field("count")
    if not (count.isascii() and count.isdigit() and len(count) < 4):
        raise InvalidError("nothing was scaled", why="the count is not a number from 0 to 100", next="send another one")
    known, _ = await call.engine.queries.processes.known(call.app, {})
    before = next((it.count for it in known.processes if it.name == process), None)
    await call.engine.processes.scale(call.app, {process: RequestedCount(number=int(count))}, call.actor)
    undo = f" Undo: `pvdify ps:scale {call.app} {process}={before}`" if before is not None else ""
    return call.done(f"/apps/{call.app}", f"Scaling {process} to {count}.{undo}")


async def set_maintenance(call: Call) -> Response:
    """Turn the app's maintenance page on or off."""
    is_on = call.field("is_on") == "yes"
    await call.engine.requests.set_maintenance(call.app, call.actor, is_on=is_on)
    undo = f"`pvdify maintenance:off {call.app}`" if is_on else f"`pvdify maintenance:on {call.app}`"
    return call.done(
        f"/apps/{call.app}", f"Maintenance is {'on: visitors get a page' if is_on else 'off'}. Undo: {undo}"
    )


async def pause(call: Call) -> Response:
    """Hold new requests for at most a minute."""
    await call.engine.requests.pause(call.app, 60, call.actor)
    return call.done(f"/apps/{call.app}", "New requests wait, for a minute at most. Undo: Let requests through.")


async def resume(call: Call) -> Response:
    """Forward the held requests to the app."""
    await call.engine.requests.resume(call.app, call.actor)
    return call.done(f"/apps/{call.app}", "Requests go on.")


async def destroy(call: Call) -> Response:
    """Destroy the app. The form must repeat its name."""
    await call.engine.requests.destroy_app(call.app, call.field("confirm"), call.actor)
    return call.done("/", f"{call.app} is being destroyed. Its volumes are in the trash.")


async def undo_of(call: Call) -> Undo | None:
    """Return the rollback that Undo offers, or None if no rollback is possible."""
    try:
        target = await call.engine.requests.rollback_target(call.app, None)
    except PvdifyError:
        return None
    return Undo(target=target, is_warm=await call.engine.queries.is_warm(call.app, target))


async def _latest(call: Call) -> str:
    return _news(*await _content(call))


def _news(top: Markup, rest: Markup) -> str:
    return render("parts/app_news.html", top=top, rest=rest)


async def _content(call: Call) -> tuple[Markup, Markup]:
    engine, app = call.engine, call.app
    queries = engine.queries
    view = await queries.app(app)
    known, seen_at = await queries.processes.known(app, engine.samples.in_use)
    releases = await queries.releases(app, RECENT_RELEASES)
    under_way = next((it.release for it in releases if not it.release.status.is_settled), None)
    newest = releases[0].release if releases else None
    shown = {"app": app, "view": view}
    top = render(
        "parts/app_top.html", **shown, under_way=under_way, undo=await undo_of(call), rates=engine.samples.rates(app),
        url=(await queries.urls()).of_app(app, view.live.manifest if view.live else None),
        failed=newest if newest and newest.status is ReleaseStatus.FAILED else None,
    )  # fmt: skip
    rest = render(
        "parts/app_rest.html", **shown, processes=known.processes, seen_at=seen_at, charts=_charts(call, releases),
        events=await queries.activity.last(EventFilter(app=app), RECENT_EVENTS),
    )  # fmt: skip
    return Markup(top), Markup(rest)  # noqa: S704 - rendered by us


async def _unapplied(call: Call, live: Release | None) -> int | None:
    """Return the newest config version if the live release has another version; None if it has not, or none is live."""
    versions = await call.engine.queries.config_versions(call.app)
    newest = versions[0].version if versions else 0
    return newest if live is not None and newest != live.config_version else None


def _charts(call: Call, releases: tuple[ReleaseView, ...]) -> tuple[Markup, ...]:
    def day(measure: Measure) -> tuple[float | None, ...]:
        return call.engine.samples.day(call.app, measure)

    marks = marks_of(releases, datetime.now(UTC))
    return (
        charts.day_chart("Requests per second", day(Measure.REQUESTS), formats.rate, marks=marks,
                         second=day(Measure.ERRORS), second_title="5xx"),
        charts.day_chart("Time to answer, p95", day(Measure.WAIT), formats.wait, marks=marks),
        charts.day_chart("Memory", day(Measure.MEMORY), formats.size, marks=marks),
        charts.day_chart("CPUs", day(Measure.CPU), formats.cpus, marks=marks),
    )  # fmt: skip


def marks_of(releases: tuple[ReleaseView, ...], now: datetime) -> tuple[charts.Mark, ...]:
    """Return the chart marks of the deploys in the last 24 hours."""
    return tuple(
        charts.Mark(
            share=1 - (now - it.release.created_at) / DAY, is_failed=it.release.status is ReleaseStatus.FAILED,
            label=f"v{it.release.version} {it.release.status.value} by {it.release.created_by}",
        )
        for it in releases
        if timedelta(0) <= now - it.release.created_at < DAY
    )  # fmt: skip
