"""The list of problems on the start page, worst first, each with its next step. Pure functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pvdify.engine.reading.server import Check, ServerSummary
from pvdify.engine.reading.views import AppView
from pvdify.model.event import Event
from pvdify.model.job import JobRecord
from pvdify.model.release import Release
from pvdify.model.status import StatusWord
from pvdify.quantities import exact_bytes, format_bytes

LOOK_BACK = timedelta(hours=24)
_WORDS = {StatusWord.CRASHING: 0, StatusWord.DOWN: 0, StatusWord.DEGRADED: 1}
_SAID_BY_STATUS = ("app.", "deploy.failed", "rollback.failed")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One problem. ``rank``: 0 is the worst. ``word``: its kind, shown like a status.

    ``path``: the page with details; ``link``: the text of the link to it. ``next``: the next step for the reader.
    """

    rank: int
    word: str = "warning"
    what: str
    why: str = ""
    next: str = ""
    path: str = ""
    link: str = ""
    at: datetime | None = None

    @property
    def is_warning(self) -> bool:
        """Whether it is only a warning: visitors are still served."""
        return self.rank > 1


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The input of ``attention``, limited to the apps that the reader may see. ``min_free_disk``: bytes."""

    apps: Sequence[AppView]
    failed: Sequence[Release]
    events: Sequence[Event]
    jobs: Sequence[JobRecord]
    summary: ServerSummary
    edge: Check | None
    backups: Check | None
    min_free_disk: int
    now: datetime


def attention(facts: Facts) -> tuple[Item, ...]:
    """Return all items, ordered by rank, then newest first; items without a time come first in their rank."""
    found = [
        *_of_server(facts), *_of_apps(facts.apps), *_of_releases(facts.failed), *_of_jobs(facts.jobs),
        *_of_events(facts),
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda it: (it.rank, -(it.at.timestamp() if it.at else float("inf")))))


def _of_apps(apps: Iterable[AppView]) -> Iterable[Item]:
    for view in apps:
        rank = _WORDS.get(view.status.word)
        if rank is not None:
            name = view.app.name
            yield Item(
                rank=rank, word=view.status.word.value,
                what=f"{name} is {view.status.word.value}", why=view.status.cause, at=view.status.since,
                path=f"/apps/{name}/logs?level=error", link="Read the errors in its log",
                next=f"`pvdify logs {name}` shows why; `pvdify rollback {name}` returns to the previous release",
            )  # fmt: skip


def _of_releases(failed: Iterable[Release]) -> Iterable[Item]:
    for release in failed:
        failure, name = release.failure, f"{release.app} v{release.version}"
        why = failure.what.removeprefix(name).removeprefix(":").strip() if failure else ""
        yield Item(
            rank=1, word="failed", what=f"{name} failed" + (f": {why}" if why else ""), at=release.created_at,
            why=failure.why if failure else "", next=failure.next if failure else "",
            path=f"/apps/{release.app}/releases/{release.version}", link="See which step failed and its log",
        )  # fmt: skip


def _of_jobs(records: Iterable[JobRecord]) -> Iterable[Item]:
    for it in records:
        if it.is_overdue and it.schedule:
            since = it.last_success
            yield Item(
                rank=2, word="overdue", what=f"The job {it.job} of {it.app} is overdue", at=since,
                why="it has not succeeded for longer than its schedule allows", path=f"/apps/{it.app}/state",
                link="See its runs", next=f"`pvdify jobs:history {it.app} --job {it.job}`",
            )  # fmt: skip


def _of_events(facts: Facts) -> Iterable[Item]:
    """Yield one item for each app and kind of bad event in the last 24 hours.

    Skip events that a status, a failed release or an overdue job already reports, and jobs that have succeeded since.
    """
    grouped: dict[tuple[str, str], list[Event]] = {}
    known = {view.app.name for view in facts.apps}
    for event in facts.events:
        is_said = event.action.startswith(_SAID_BY_STATUS) or event.action == "job.overdue"
        is_recent = facts.now - event.at <= LOOK_BACK
        if event.app in known and is_recent and not is_said and event.action.is_bad:
            grouped.setdefault((event.app, event.action), []).append(event)
    succeeded = {(it.app, it.job): it.last_success for it in facts.jobs}
    for (app, action), events in grouped.items():
        newest = events[0]
        if action.startswith("job.") and _is_over(succeeded, newest):
            continue
        headline = newest.action.headline.format(app=app, action=action, version=f"v{newest.release}")
        times = f", {len(events)} times in 24 h" if len(events) > 1 else ""
        yield Item(
            rank=2,
            what=f"{headline}{times}",
            why=newest.text.partition("\n")[0],
            at=newest.at, path=f"/activity?app={app}&kind={action}", link="See the events",
            next=_NEXT.get(action, "`pvdify logs {app}`").format(app=app),
        )  # fmt: skip


def _is_over(succeeded: Mapping[tuple[str, str], datetime | None], event: Event) -> bool:
    job = event.text.partition(" ")[0].rstrip(",:")
    last = succeeded.get((event.app or "", job))
    return last is not None and last > event.at


def _of_server(facts: Facts) -> Iterable[Item]:
    summary, edge = facts.summary, facts.edge
    if summary.router_down_since is not None:
        yield Item(
            rank=0, word="down", what="The router does not run",
            why="no visitor reaches any app", at=summary.router_down_since,
            next="`pvdify doctor` says why; pvdifyd starts it again by itself", path="/server", link="Server",
        )  # fmt: skip
    if summary.runtime_late_since is not None:
        yield Item(
            rank=1, word="broken", what="The container runtime does not answer", at=summary.runtime_late_since,
            why="running apps keep running; what is shown of containers is from before", path="/server", link="Server",
            next="`pvdify doctor` on the server checks it",
        )  # fmt: skip
    if facts.backups is not None and facts.backups.state != "ok":
        yield Item(
            rank=2, word="unproven", what="No recent backup is proven", why=facts.backups.text,
            next=facts.backups.next, path="/server", link="Server",
        )  # fmt: skip
    free = summary.capacity.free_disk
    if free is not None and free < 2 * facts.min_free_disk:
        is_low = free < facts.min_free_disk
        yield Item(
            rank=1 if is_low else 2, word="broken" if is_low else "warning",
            what=f"{format_bytes(free)} of disk are free", path="/server", link="Disk by app",
            why=f"deploys {'are' if is_low else 'will be'} refused below {exact_bytes(facts.min_free_disk)}",
            next="make room: `pvdify status` shows what each app takes",
        )  # fmt: skip
    if edge is not None and edge.state != "ok":
        yield Item(
            rank=0 if edge.state == "broken" else 2, word=edge.state, what="The edge needs attention",
            why=edge.text, next=edge.next,
            path="/server", link="Server",
        )  # fmt: skip


_NEXT = {
    "guard.tripped": "`pvdify releases {app}` shows what is live; the release's log says why",
    "instance.out-of-memory": "raise `resources.memory` in pvdify.yml, or find what grows: `pvdify ps {app}`",
    "job.failed": "`pvdify jobs:history {app}`",
    "job.interrupted": "`pvdify jobs:history {app}`",
    "job.missed": "`pvdify jobs:history {app}`",
}
