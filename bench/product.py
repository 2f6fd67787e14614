"""What pvdify promises, measured on a whole server of its own: each function gives one or more figures."""

import asyncio
import http.client
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.trial import PVDIFYD, Trial
from tests.load import GET, Load, Reason, Report
from tests.load.shapes import Shape
from tools.demo.stage import BASE_DOMAIN

APP = "hello"
HOSTNAME = f"{APP}.{BASE_DOMAIN}"
SWAPS = 110  # at least; more until there were REQUESTS, and never more than MOST_SWAPS
MOST_SWAPS = 300
REQUESTS = 100_000
DRAIN = 30  # seconds, of examples/hello
ROUNDS = 11
PROGRAM = Path(sys.executable).with_name("pvdify")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the results; ``target`` and ``is_met`` only where something is promised."""

    name: str
    value: str
    target: str = ""
    is_met: bool | None = None


async def swaps(trial: Trial) -> list[Figure]:
    """Real deploys, one after the other, with visitors on the line."""
    windows: list[tuple[float, float, str]] = []
    async with Load(trial.stage.router, HOSTNAME, clients=32, websockets=1, pause=0.005) as load:
        begun, number = time.monotonic(), 0
        while number < SWAPS or (load.report.requests < REQUESTS and number < MOST_SWAPS):
            version, old = ("v2", "v1") if number % 2 == 0 else ("v1", "v2")
            await asyncio.to_thread(deploy, trial, version)
            returned = time.monotonic()
            await asyncio.sleep(0.05)
            windows.append((returned, time.monotonic(), old))
            number += 1
        seconds = time.monotonic() - begun
        report = await load.stop()
    late = sum(_answered_within(report, window) for window in windows)
    cut = sum(failure.reason is Reason.WEBSOCKET for failure in report.failures)
    failed, drains = len(report.failures) - cut, int(seconds / DRAIN)
    return [
        Figure(
            name=f"failed requests, {number} deploys under 32 keep-alive clients (GET, POST, slow) and a WebSocket",
            value=f"{failed} of {report.requests:,}",
            target=f"0 of ≥ {REQUESTS:,}",
            is_met=failed == 0 and report.requests >= REQUESTS,
        ),
        Figure(
            name="requests that began after the deploy had returned and reached the old release",
            value=str(late),
            target="0",
            is_met=late == 0,
        ),
        Figure(
            name=f"times that the WebSocket was ended, as its release had drained for {DRAIN} s",
            value=str(cut),
            target=f"≤ {drains}, once in {DRAIN} s",
            is_met=cut <= drains,
        ),
        Figure(name="deploy under this load", value=f"{seconds / number:.2f} s"),
    ]


def deploys(trial: Trial) -> list[Figure]:
    """A deploy of an image that is here, against what podman alone takes until the same image answers."""
    floors, whole = [], []
    for _ in range(ROUNDS):
        floors.append(time_floor(trial))
        whole.append(deploy(trial, "v1"))
        wait_quiet(trial)
    floor, deployed = statistics.median(floors), statistics.median(whole)
    limit = 1.25 * floor + 0.3
    return [
        Figure(name="floor: `podman run` until the first 200", value=f"{floor:.2f} s"),
        Figure(
            name="deploy with a cached image",
            value=f"{deployed:.2f} s = {deployed / floor:.2f} × floor",
            target=f"≤ 1.25 × floor + 0.3 s = {limit:.2f} s",
            is_met=deployed <= limit,
        ),
    ]


def rollbacks(trial: Trial) -> list[Figure]:
    """Warm: the release before still stands by. Cold: it starts again from its stored image and config."""
    warm = [rollback(trial) for _ in range(ROUNDS)]
    trial.stop()
    trial.start(settings=("--standby", "0"))
    cold, floors = [], []
    for _ in range(ROUNDS):
        wait_quiet(trial, containers=1)
        floors.append(time_floor(trial))
        cold.append(rollback(trial))
    trial.stop()
    trial.start()
    floor, cold_median, warm_median = statistics.median(floors), statistics.median(cold), statistics.median(warm)
    return [
        Figure(
            name="warm rollback", value=f"{warm_median * 1000:.0f} ms", target="≤ 150 ms", is_met=warm_median <= 0.15
        ),
        Figure(
            name="cold rollback",
            value=f"{cold_median:.2f} s",
            target=f"≤ floor + 0.5 s = {floor + 0.5:.2f} s",
            is_met=cold_median <= floor + 0.5,
        ),
    ]


def command_line(trial: Trial) -> list[Figure]:
    """Starting it is most of what a short command costs."""
    token = trial.stage.token
    access = trial.stage.environment() | {"PVDIFY_URL": trial.stage.url, "PVDIFY_TOKEN": token}

    def run(*argv: str) -> float:
        return statistics.median(
            _timed(lambda: subprocess.run(argv, check=True, capture_output=True, env=access)) for _ in range(ROUNDS)
        )

    bare = run(sys.executable, "-c", "pass")
    version, apps = run(str(PROGRAM), "--version"), run(str(PROGRAM), "apps")
    return [
        Figure(name="`python -c pass`", value=f"{bare * 1000:.0f} ms"),
        Figure(
            name="`pvdify --version`",
            value=f"{version * 1000:.0f} ms = {version / bare:.1f} × bare Python",
            target="≤ 150 ms",
            is_met=version <= 0.15,
        ),
        Figure(
            name="`pvdify apps`",
            value=f"{apps * 1000:.0f} ms = {apps / bare:.1f} × bare Python",
            target="≤ 350 ms",
            is_met=apps <= 0.35,
        ),
    ]


def daemon(trial: Trial) -> list[Figure]:
    """From exec to the first answer, and what it holds when it has nothing to do."""
    starts = []
    for _ in range(5):
        trial.stop()
        starts.append(_timed(lambda: trial.start(*PVDIFYD)))
    time.sleep(12)
    assert trial.process is not None
    status = Path(f"/proc/{trial.process.pid}/status").read_text()
    memory = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024
    return [
        Figure(name="daemon: from start to the first answer", value=f"{statistics.median(starts):.2f} s"),
        Figure(name="daemon: idle memory", value=f"{memory:.0f} MB", target="≤ 120 MB", is_met=memory <= 120),
    ]


async def api(trial: Trial) -> list[Figure]:
    """Fifty clients that read all the time."""
    mix = tuple(
        Shape(name=path, path=f"/api/v1{path}") for path in ("/apps", f"/apps/{APP}", f"/apps/{APP}/releases?limit=15")
    )
    headers = (("Authorization", f"Bearer {trial.stage.token}"),)
    address = trial.stage.url.removeprefix("http://")
    async with Load(address, "localhost", clients=50, mix=mix, headers=headers) as load:
        await asyncio.sleep(5)
        report = await load.stop()
    return [
        Figure(
            name="API: 50 concurrent reads",
            value=f"p99 {report.latency(0.99) * 1000:.0f} ms, {report.rate:.0f}/s, {len(report.failures)} failed",
        )
    ]


async def router() -> list[Figure]:
    """The same clients against a bare backend, and through the router to it."""
    with _backend() as port:
        bare = await _drive(f"127.0.0.1:{port}", "bare.test")
        from bench.router import crowded, shop

        async with crowded(100) as (process, subject):
            await subject.put(shop(1, port))
            routed = await _drive(str(process.listen), "shop.test")
    return [
        Figure(
            name="router: throughput to the bare backend, 32 clients, GET",
            value=f"{routed.rate / bare.rate:.0%} ({routed.rate:.0f} of {bare.rate:.0f}/s; clients on the same cores)",
        ),
        Figure(
            name="router: p99 to the bare backend",
            value=f"{routed.latency(0.99) / bare.latency(0.99):.1f} × ({routed.latency(0.99) * 1000:.1f} ms)",
        ),
    ]


def deploy(trial: Trial, version: str) -> float:
    """Deploy and follow to the end, as the command does; seconds."""
    return _followed(trial, "POST", f"/apps/{APP}/releases", {"image": trial.stage.image(version)})


def rollback(trial: Trial) -> float:
    """Roll back and follow to the end; seconds."""
    newest = trial.ask("GET", f"/apps/{APP}/releases?limit=2")[1]["releases"]
    return _followed(trial, "POST", f"/apps/{APP}/rollback", {"version": _target(newest)})


def _target(newest: list[dict[str, object]]) -> object:
    """Return the previous release, so that rollbacks alternate."""
    return newest[1]["version"]


def _followed(trial: Trial, method: str, path: str, body: object) -> float:
    begun = time.perf_counter()
    status, release = trial.ask(method, path, body)
    assert status == 202, release
    connection = http.client.HTTPConnection(trial.stage.url.removeprefix("http://"), timeout=60)
    connection.request(
        "GET",
        f"/api/v1/apps/{APP}/releases/{release['version']}/log?follow=1",
        headers={"Authorization": f"Bearer {trial.stage.token}"},
    )
    with connection.getresponse() as answer:
        lines = iter(answer.readline, b"")
        end = itertools.dropwhile(lambda line: line != b"event: end\n", lines)
        last = next(line for line in end if line.startswith(b"data: "))
    seconds = time.perf_counter() - begun
    connection.close()
    ended = json.loads(last.removeprefix(b"data: "))
    assert ended["status"] == "active", ended
    return seconds


def time_floor(trial: Trial) -> float:
    """Seconds from `podman run` of an image that one of the app's instances is of now to the first 200.

    The image is given by its id, so that podman asks no registry for it either.
    """
    image, port, name = min(trial.images(APP)), trial.stage.first_instance_port + 90, "pvdify-bench-floor"
    argv = ("podman", "run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:8080", image)

    def until_200() -> None:
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                connection.request("GET", "/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.005)
            finally:
                connection.close()
        raise AssertionError(f"no 200 from {image}")

    try:
        return _timed(until_200)
    finally:
        subprocess.run(("podman", "rm", "--force", "--time", "0", name), check=True, capture_output=True)


def wait_quiet(trial: Trial, containers: int = 2) -> None:
    """Wait until retirements have ended, so that they are not measured with the next deploy."""
    deadline = time.monotonic() + 30
    while len(trial.containers()) > containers and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _answered_within(report: Report, window: tuple[float, float, str]) -> int:
    begin, end, version = window
    return sum(begin < started < end and who == version for started, _, who in report.answered)


async def _drive(address: str, hostname: str) -> Report:
    async with Load(address, hostname, clients=32, mix=(GET,)) as load:
        await asyncio.sleep(3)
        return await load.stop()


@contextmanager
def _backend() -> Iterator[int]:
    process = subprocess.Popen(
        (sys.executable, "-m", "tests.load.backend", "--version", "v1"), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


__all__ = ["Figure", "api", "command_line", "daemon", "deploys", "rollbacks", "router", "swaps"]
