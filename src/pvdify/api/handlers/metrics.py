"""/metrics: figures for Prometheus."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.responses import Response

from pvdify import __version__
from pvdify.api.call import Call
from pvdify.engine.reading.observations import Figures
from pvdify.engine.world.tally import Durations, Tally
from pvdify.model.capacity import Usage
from pvdify.model.disk_use import DiskUse
from pvdify.model.instance import FoundInstance
from pvdify.model.job import JobRecord, RunState
from pvdify.model.names import Environment, environment_of
from pvdify.model.operation import OperationState
from pvdify.model.preview import Preview
from pvdify.model.release import Release
from pvdify.model.route import WAIT_BOUNDS, TargetCount
from pvdify.model.status import Status, StatusWord
from pvdify.model.token import Actor

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_TARGET = ("app", "release", "instance")
_INSTANCE = ("app", "process", "release", "instance")


async def show_metrics(call: Call) -> Response:
    """Return the metrics as Prometheus text or OpenMetrics."""
    figures = await call.engine.observations.figures()
    registry = CollectorRegistry()
    registry.register(_Figures(figures, call.actor))
    encode, content_type = choose_encoder(call.request.headers.get("accept", ""))
    return Response(encode(registry), headers={"Content-Type": content_type, "Cache-Control": "no-store"})


class _Figures(Collector):
    """One moment's figures as metric families: for the actor's apps, and for the server if the actor reaches all."""

    def __init__(self, figures: Figures, actor: Actor) -> None:
        self._figures, self._actor = figures, actor

    def collect(self) -> Iterator[Metric]:
        """Yield the metric families; prometheus_client calls this."""
        figures, reaches = self._figures, self._actor.reaches
        if reaches(None):
            yield from _server(figures)
            yield from _queue(figures)
        yield _releases(it for it in figures.live if reaches(it.app))
        yield from _statuses({app: status for app, status in figures.statuses.items() if reaches(app)})
        yield from _router(it for it in figures.targets or () if reaches(it.app))
        containers = [it for it in figures.containers or () if reaches(it.app)]
        yield from _instances(containers)
        yield from _usage(containers, figures.usage)
        yield from _jobs(it for it in figures.jobs if reaches(it.app))
        yield _previews(it for it in figures.previews if reaches(it.parent))
        yield _disk({app: use for app, use in figures.disk.items() if reaches(app)})
        yield from _work(figures.tally, reaches)


def _server(figures: Figures) -> Iterator[Metric]:
    yield InfoMetricFamily("pvdify", "This server", value={"version": __version__})
    up = GaugeMetricFamily("pvdify_up", "Whether a part of the server answers", labels=["part"])
    up.add_metric(["router"], float(figures.targets is not None))
    up.add_metric(["runtime"], float(figures.has_runtime))
    yield up
    if figures.containers_at is not None:
        yield GaugeMetricFamily(
            "pvdify_instances_seen_seconds", "When instances were seen last, as a Unix time",
            figures.containers_at.timestamp(),
        )  # fmt: skip
    has = figures.capacity
    for name, text, value in (
        ("pvdify_disk_free_bytes", "Free where data and images are, on the fuller disk", has.free_disk),
        ("pvdify_disk_size_bytes", "Size of that disk", has.total_disk),
        ("pvdify_memory_available_bytes", "Memory available on the machine", has.available_memory),
        ("pvdify_memory_size_bytes", "Memory of the machine", has.total_memory),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, text, value)
    apps = GaugeMetricFamily("pvdify_apps", "Apps", labels=["environment"])
    found = Counter(environment_of(app.name) for app in figures.apps)
    for environment in Environment:
        apps.add_metric([environment.value], found[environment])
    yield apps


def _releases(live: Iterable[Release]) -> Metric:
    family = GaugeMetricFamily("pvdify_app_release", "The release that is live", labels=["app"])
    for release in live:
        family.add_metric([release.app], release.version)
    return family


def _statuses(found: Mapping[str, Status]) -> Iterator[Metric]:
    """Yield 1 for the current status and 0 for every other, so that a change shows in two series."""
    words = GaugeMetricFamily("pvdify_app_status", "How an app is doing: 1 for its status", labels=["app", "status"])
    since = GaugeMetricFamily("pvdify_app_status_since_seconds", "Since when, as a Unix time", labels=["app"])
    causes = GaugeMetricFamily("pvdify_app_status_cause", "The cause of the status: always 1", labels=["app", "cause"])
    for app, status in found.items():
        for word in StatusWord:
            words.add_metric([app, word.value], float(word is status.word))
        since.add_metric([app], status.since.timestamp())
        if status.cause:
            causes.add_metric([app, status.cause], 1.0)
    yield from (words, since, causes)


def _router(targets: Iterable[TargetCount]) -> Iterator[Metric]:
    requests = CounterMetricFamily("pvdify_requests", "Requests answered to visitors", labels=[*_TARGET, "status"])
    errors = CounterMetricFamily("pvdify_request_errors", "Answers 5xx by who made them", labels=[*_TARGET, "by"])
    flight = GaugeMetricFamily("pvdify_requests_in_flight", "Requests that have not ended", labels=_TARGET)
    waits = HistogramMetricFamily("pvdify_request_wait_seconds", "Time until an answer began", labels=_TARGET)
    for target in targets:
        place = [target.app, str(target.slot), f"web.{target.number}"]
        for status, count in zip(CLASSES, target.by_class, strict=True):
            requests.add_metric([*place, status], count)
        errors.add_metric([*place, "app"], target.app_errors)
        errors.add_metric([*place, "router"], target.router_errors)
        flight.add_metric(place, target.in_flight)
        waits.add_metric(place, _buckets(WAIT_BOUNDS, target.waits), target.seconds)
    yield from (requests, errors, flight, waits)


def _instances(containers: Iterable[FoundInstance]) -> Iterator[Metric]:
    states = GaugeMetricFamily("pvdify_instance", "An instance and its state", labels=[*_INSTANCE, "state"])
    started = GaugeMetricFamily("pvdify_instance_start_seconds", "When an instance started", labels=_INSTANCE)
    for found in containers:
        place = [found.app, found.process, str(found.slot), f"{found.process}.{found.number}"]
        states.add_metric([*place, found.state.value], 1)
        if found.started_at is not None:
            started.add_metric(place, found.started_at.timestamp())
    yield from (states, started)


def _usage(containers: Iterable[FoundInstance], usage: Mapping[int, Usage]) -> Iterator[Metric]:
    memory = GaugeMetricFamily("pvdify_instance_memory_bytes", "Memory that an instance holds", labels=_INSTANCE)
    limit = GaugeMetricFamily("pvdify_instance_memory_limit_bytes", "How much it may hold", labels=_INSTANCE)
    cpu = CounterMetricFamily("pvdify_instance_cpu_seconds", "CPU time of an instance", labels=_INSTANCE)
    for found in containers:
        used = usage.get(found.pid) if found.pid is not None else None
        if used is None:
            continue
        place = [found.app, found.process, str(found.slot), f"{found.process}.{found.number}"]
        for family, value in ((memory, used.memory), (limit, used.memory_limit), (cpu, used.cpu_seconds)):
            if value is not None:
                family.add_metric(place, value)
    yield from (memory, limit, cpu)


def _jobs(records: Iterable[JobRecord]) -> Iterator[Metric]:
    runs = CounterMetricFamily("pvdify_job_runs", "Runs of scheduled jobs, and due times that had none, by their end",
                               labels=["app", "job", "state"])  # fmt: skip
    success = GaugeMetricFamily("pvdify_job_last_success_seconds", "When a job last succeeded, as a Unix time",
                                labels=["app", "job"])  # fmt: skip
    took = GaugeMetricFamily("pvdify_job_last_run_seconds", "How long the last run took", labels=["app", "job"])
    overdue = GaugeMetricFamily("pvdify_job_overdue", "1 for a job that has not succeeded for longer than it should",
                                labels=["app", "job"])  # fmt: skip
    for it in records:
        for state in RunState:
            if state.is_over:
                runs.add_metric([it.app, it.job, state.value], it.counts.get(state.value, 0))
        if it.last_success is not None:
            success.add_metric([it.app, it.job], it.last_success.timestamp())
        if it.last_seconds is not None:
            took.add_metric([it.app, it.job], it.last_seconds)
        if it.schedule:
            overdue.add_metric([it.app, it.job], float(it.is_overdue))
    yield from (runs, success, took, overdue)


def _disk(found: Mapping[str, DiskUse]) -> Metric:
    family = GaugeMetricFamily("pvdify_app_disk_bytes", "What an app takes on the disk, besides its images",
                               labels=["app", "kind"])  # fmt: skip
    for app, use in sorted(found.items()):
        for kind, size in (("containers", use.layers), ("volumes", use.volumes), ("logs", use.logs)):
            family.add_metric([app, kind], size)
    return family


def _previews(previews: Iterable[Preview]) -> Metric:
    family = GaugeMetricFamily("pvdify_previews", "Previews of open and of closed pull requests",
                               labels=["app", "state"])  # fmt: skip
    for (app, is_open), count in sorted(Counter((it.parent, it.is_open) for it in previews).items()):
        family.add_metric([app, "open" if is_open else "closed"], count)
    return family


def _work(tally: Tally, reaches: Callable[[str], bool]) -> Iterator[Metric]:
    operations = CounterMetricFamily(
        "pvdify_operations", "Deploys, rollbacks and others that ended", labels=["app", "kind", "outcome"]
    )
    for (app, kind, outcome), count in sorted(tally.operations.items()):
        if reaches(app):
            operations.add_metric([app, kind, outcome], count)
    restarts = CounterMetricFamily(
        "pvdify_instance_restarts", "Instances started again", labels=["app", "process", "out_of_memory"]
    )
    for (app, process, is_out_of_memory), count in sorted(tally.restarts.items()):
        if reaches(app):
            restarts.add_metric([app, process, str(is_out_of_memory).lower()], count)
    yield from (operations, restarts)


def _queue(figures: Figures) -> Iterator[Metric]:
    tally = figures.tally
    queue = GaugeMetricFamily("pvdify_operations_unsettled", "Operations under way", labels=["kind", "state"])
    for (kind, state), count in sorted(Counter((it.kind.value, it.state.value) for it in figures.operations).items()):
        queue.add_metric([kind, state], count)
    waiting = sum(it.state is OperationState.QUEUED for it in figures.operations)
    answers = CounterMetricFamily("pvdify_api_requests", "Requests to the API", labels=["method", "path", "status"])
    for (method, path, status), count in sorted(tally.requests.items()):
        answers.add_metric([method, path, str(status)], count)
    yield queue
    yield GaugeMetricFamily("pvdify_queue", "Operations that wait for their turn", waiting)
    yield GaugeMetricFamily(
        "pvdify_deliveries_pending", "Notifications that are still to be delivered", figures.pending_deliveries
    )
    yield answers
    yield _durations("pvdify_step_seconds", "How long a step took", ["kind", "step"], tally.steps)
    yield _durations("pvdify_api_seconds", "Time until an answer of the API began", ["method", "path"], tally.answers)


def _durations(name: str, text: str, labels: list[str], found: dict[tuple[str, str], Durations]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for key, durations in sorted(found.items()):
        family.add_metric(list(key), _buckets(durations.bounds, durations.counts), durations.seconds)
    return family


def _buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Return cumulative bucket counts, as Prometheus expects, from the counts of single ranges."""
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    sums = list(accumulate(counts)) or [0] * len(names)
    return [(name, float(value)) for name, value in zip(names, sums, strict=True)]
