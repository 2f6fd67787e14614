"""/metrics: figures for Prometheus."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
from pvdify.engine.observations import Figures
from pvdify.engine.tally import Durations
from pvdify.model.capacity import Usage
from pvdify.model.instance import FoundInstance
from pvdify.model.names import Environment, environment_of
from pvdify.model.operation import OperationState
from pvdify.model.preview import Preview
from pvdify.model.route import WAIT_BOUNDS, TargetCount

CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
_TARGET = ("app", "release", "instance")
_INSTANCE = ("app", "process", "release", "instance")


async def show_metrics(call: Call) -> Response:
    """Figures in the form that the caller asks for: Prometheus text or OpenMetrics."""
    figures = await call.engine.observations.figures()
    registry = CollectorRegistry()
    registry.register(_Figures(figures))
    encode, content_type = choose_encoder(call.request.headers.get("accept", ""))
    return Response(encode(registry), headers={"Content-Type": content_type, "Cache-Control": "no-store"})


class _Figures(Collector):
    """One moment's figures as metric families."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks for."""
        yield from _server(self._figures)
        yield from _router(self._figures.targets or ())
        yield from _instances(self._figures.containers or ())
        yield from _usage(self._figures.containers or (), self._figures.usage)
        yield _previews(self._figures.previews)
        yield from _work(self._figures)


def _server(figures: Figures) -> Iterator[Metric]:
    yield InfoMetricFamily("pvdify", "This server", value={"version": __version__})
    up = GaugeMetricFamily("pvdify_up", "Whether a part of the server answers", labels=["part"])
    up.add_metric(["router"], float(figures.targets is not None))
    up.add_metric(["runtime"], float(figures.containers is not None))
    yield up
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
    release = GaugeMetricFamily("pvdify_app_release", "The release that is live", labels=["app"])
    for live in figures.live:
        release.add_metric([live.app], live.version)
    yield release


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


def _previews(previews: Iterable[Preview]) -> Metric:
    family = GaugeMetricFamily("pvdify_previews", "Previews of open and of closed pull requests",
                               labels=["app", "state"])  # fmt: skip
    for (app, is_open), count in sorted(Counter((it.parent, it.is_open) for it in previews).items()):
        family.add_metric([app, "open" if is_open else "closed"], count)
    return family


def _work(figures: Figures) -> Iterator[Metric]:
    tally = figures.tally
    operations = CounterMetricFamily(
        "pvdify_operations", "Deploys, rollbacks and others that ended", labels=["app", "kind", "outcome"]
    )
    for (app, kind, outcome), count in sorted(tally.operations.items()):
        operations.add_metric([app, kind, outcome], count)
    restarts = CounterMetricFamily(
        "pvdify_instance_restarts", "Instances started again", labels=["app", "process", "out_of_memory"]
    )
    for (app, process, is_out_of_memory), count in sorted(tally.restarts.items()):
        restarts.add_metric([app, process, str(is_out_of_memory).lower()], count)
    queue = GaugeMetricFamily("pvdify_operations_unsettled", "Operations under way", labels=["kind", "state"])
    for (kind, state), count in sorted(Counter((it.kind.value, it.state.value) for it in figures.operations).items()):
        queue.add_metric([kind, state], count)
    waiting = sum(it.state is OperationState.QUEUED for it in figures.operations)
    answers = CounterMetricFamily("pvdify_api_requests", "Requests to the API", labels=["method", "path", "status"])
    for (method, path, status), count in sorted(tally.requests.items()):
        answers.add_metric([method, path, str(status)], count)
    yield from (operations, restarts, queue)
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
    """Counts of single ranges as Prometheus wants them: each with all below it."""
    names = [*(f"{bound:g}" for bound in bounds), "+Inf"]
    sums = list(accumulate(counts)) or [0] * len(names)
    return [(name, float(value)) for name, value in zip(names, sums, strict=True)]
