"""A whole server with N real containers: what deploys, rollbacks, commands, reads, starts and rest cost there."""

import http.client
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from bench import idle, product
from bench.product import APP, Figure
from bench.reads import CLIENTS, read
from tests.e2e.trial import Trial
from tests.support.images import build_image, push_image
from tests.support.waiting import PATIENCE

SIZES = (1, 50, 200)
ROUNDS = 7
REST_SECONDS = 45.0
OPENS_IN = 5.0  # seconds until the page and its first stream have been sent
AT_ONCE = 10  # deploys beside the one that is measured
RELEASES, EVENTS = 10_000, 1_000_000
Start = Callable[..., None]
LIVE = re.compile(r'id="now" data-live="([^"]*)"')
PATHS = ("/apps", f"/apps/{APP}", f"/apps/{APP}/releases?limit=15")
COMMANDS = (("apps",), ("ps", APP), ("status",), ("releases", APP))


def crowded_server(sizes: tuple[int, ...] = SIZES) -> Iterator[Figure]:
    """Measure one server with more and more apps, `hello` among them."""
    settings = ("--ports", idle.port_range(3 * max(sizes) + 60))
    with Trial() as trial:
        tiny = trial.stage.image("tiny")
        push_image(build_image(content="hello"), tiny)
        for version in ("v1", "v2"):
            trial.push(version)
        start = partial(_start, trial, _installed(trial), settings)
        start()
        for version in ("v1", "v2"):
            product.deploy(trial, version)
        made = 1
        for size in sizes:
            for number in range(made, size):
                idle.deploy(trial, f"app-{number}", tiny)
            made = size
            yield from _measure(trial, size, start, tiny)
        yield from _long_history(trial, start)


def _start(trial: Trial, program: str, settings: tuple[str, ...], *more: str) -> None:
    trial.start(program, settings=(*settings, *more))


def _installed(trial: Trial) -> str:
    """Return the program of an installation like that of a server: this checkout without the packages of its tests."""
    directory = Path(trial.stage.directory) / "installation"
    python = directory / "bin" / "python"
    subprocess.run((sys.executable, "-m", "venv", str(directory)), check=True)
    subprocess.run((str(python), "-m", "pip", "install", "--quiet", str(idle.CHECKOUT)), check=True)
    return str(python.with_name("pvdifyd"))


def _measure(trial: Trial, size: int, start: Start, tiny: str) -> Iterator[Figure]:
    many = f"with {size} app{'s' if size > 1 else ''}"
    yield from (Figure(name=f"{figure.name} {many}", value=figure.value) for figure in _restarts(trial, start))
    with _dashboard_open(trial):
        for measure in (_deploys, _warm_rollbacks, _commands, _reads):
            yield from (Figure(name=f"{figure.name} {many}", value=figure.value) for figure in measure(trial))
    yield from (Figure(name=f"{figure.name} {many}", value=figure.value) for figure in _rest(trial))
    if size > AT_ONCE:
        yield Figure(name=f"deploy while {AT_ONCE} others run {many}", value=_seconds(_among_others(trial, tiny)))
    trial.stop()
    start("--standby", "0")
    yield from (Figure(name=f"{figure.name} {many}", value=figure.value) for figure in _cold_rollbacks(trial))
    trial.stop()
    start()
    for version in ("v1", "v2"):
        product.deploy(trial, version)


def _restarts(trial: Trial, start: Start) -> Iterator[Figure]:
    for what, end in (("SIGTERM", trial.stop), ("SIGKILL", trial.kill)):
        end()
        taken = _timed(start)
        yield Figure(name=f"start to the first answer after {what}", value=_seconds(taken))


def _deploys(trial: Trial) -> Iterator[Figure]:
    floors, whole, inside, peaks = [], [], [], []
    for number in range(ROUNDS):
        floors.append(product.time_floor(trial))
        before = _memory(trial)
        _forget_peak(trial)
        whole.append(_typed(trial, "deploy", APP, "--image", trial.stage.image(("v1", "v2")[number % 2])))
        peaks.append(_memory(trial, "VmHWM") - before)
        inside.append(_newest_receipt(trial)["seconds"])
        _settle(trial)
    floor = statistics.median(floors)
    yield Figure(name="floor: `podman run` until the first 200", value=_seconds(floor))
    yield Figure(name="`pvdify deploy`", value=_ratio(statistics.median(whole), floor))
    yield Figure(name="deploy, on the server", value=_ratio(statistics.median(inside), floor))
    yield Figure(name="largest peak of memory in a deploy", value=f"{max(peaks):.1f} MB above the memory before it")


def _warm_rollbacks(trial: Trial) -> Iterator[Figure]:
    whole, inside = [], []
    for _ in range(ROUNDS):
        whole.append(_typed(trial, "rollback", APP, _previous(trial)))
        inside.append(_newest_receipt(trial)["seconds"])
        _settle(trial)
    yield Figure(name="`pvdify rollback`, warm", value=_seconds(statistics.median(whole)))
    yield Figure(name="warm rollback, on the server", value=_seconds(statistics.median(inside)))


def _cold_rollbacks(trial: Trial) -> Iterator[Figure]:
    floors, whole, inside = [], [], []
    for _ in range(ROUNDS):
        _wait_alone(trial)
        floors.append(product.time_floor(trial))
        whole.append(_typed(trial, "rollback", APP, _previous(trial)))
        inside.append(_newest_receipt(trial)["seconds"])
    floor = statistics.median(floors)
    yield Figure(name="`pvdify rollback`, cold", value=_ratio(statistics.median(whole), floor))
    yield Figure(name="cold rollback, on the server", value=_ratio(statistics.median(inside), floor))


def _commands(trial: Trial) -> Iterator[Figure]:
    python = str(product.PROGRAM.with_name("python"))
    bare = statistics.median(_timed(lambda: _run(trial, python, "-c", "pass")) for _ in range(ROUNDS))
    for words in COMMANDS:
        taken = statistics.median(_typed(trial, *words) for _ in range(ROUNDS))
        yield Figure(name=f"`pvdify {words[0]}`", value=f"{_seconds(taken)} = {taken / bare:.1f} × bare Python")


def _typed(trial: Trial, *words: str) -> float:
    """Run the command line; seconds from its start to its end."""
    return _timed(lambda: _run(trial, str(product.PROGRAM), *words))


def _run(trial: Trial, *argv: str) -> None:
    access = trial.stage.environment() | {"PVDIFY_URL": trial.stage.url, "PVDIFY_TOKEN": trial.stage.token}
    subprocess.run(argv, check=True, capture_output=True, env=access, cwd=trial.stage.directory)


def _previous(trial: Trial) -> str:
    """Return the release before the newest one, so that rollbacks alternate."""
    return f"v{trial.ask('GET', f'/apps/{APP}/releases?limit=2')[1]['releases'][1]['version']}"


def _reads(trial: Trial) -> Iterator[Figure]:
    assert trial.process is not None
    address = trial.stage.url.removeprefix("http://")
    for path in PATHS:
        yield Figure(
            name=f"`GET {path.replace(APP, 'x')}`, {CLIENTS} clients",
            value=read(address, trial.stage.token, path, trial.process.pid),
        )
    yield Figure(name="memory right after", value=f"{_memory(trial):.0f} MB")


def _rest(trial: Trial) -> Iterator[Figure]:
    name = "at rest, percent of a core"
    yield Figure(name=name, value=_use(idle.at_rest(trial, REST_SECONDS)))
    with _dashboard_open(trial):
        yield Figure(name=f"{name}, dashboard open", value=_use(idle.at_rest(trial, REST_SECONDS, OPENS_IN)))
        yield Figure(name="memory at rest, dashboard open", value=f"{_memory(trial):.0f} MB")


def _use(use: idle.Use) -> str:
    return f"pvdifyd {use.daemon:.2f}, what it started {use.children:.2f}, router {use.router:.2f}"


def _among_others(trial: Trial, tiny: str) -> float:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        others = [pool.submit(idle.deploy, trial, f"app-{number}", tiny) for number in range(1, AT_ONCE + 1)]
        taken = product.deploy(trial, "v1")
        for other in others:
            other.result()
    _settle(trial)
    return taken


@contextmanager
def _dashboard_open(trial: Trial) -> Iterator[None]:
    """Keep a signed-in browser's stream of the start page open."""
    link = urlsplit(trial.pvdify("open", "--print").stdout.strip())
    connection = http.client.HTTPConnection(link.hostname or "", link.port or 80, timeout=PATIENCE)
    connection.request("GET", link.path)
    with connection.getresponse() as answer:
        cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
        answer.read()
    connection.request("GET", "/", headers={"Cookie": cookie})
    (address,) = LIVE.findall(connection.getresponse().read().decode())
    connection.request("GET", address, headers={"Cookie": cookie, "Accept": "text/event-stream"})
    answer = connection.getresponse()
    assert answer.status == http.client.OK, answer.status
    try:
        yield
    finally:
        answer.close()
        connection.close()


def _long_history(trial: Trial, start: Start) -> Iterator[Figure]:
    """Measure reads and deploys with copies of a release and an event in the database."""
    trial.stop()
    with closing(sqlite3.connect(trial.stage.data_dir / "pvdify.db")) as database, database:
        _copy_rows(database, "releases", "version", RELEASES, f"app = '{APP}' AND status = 'superseded'")
        _copy_rows(database, "events", "id", EVENTS, f"app = '{APP}'")
    taken = _timed(lambda: start("--keep-events", str(2 * EVENTS)))
    yield Figure(name=f"start with {RELEASES:,} releases and {EVENTS:,} events", value=_seconds(taken))
    assert trial.process is not None
    address = trial.stage.url.removeprefix("http://")
    for path in (f"/apps/{APP}/releases?limit=15", "/events?limit=50", "/apps"):
        value = read(address, trial.stage.token, path, trial.process.pid)
        yield Figure(name=f"`GET {path}`, {CLIENTS} clients, with this history", value=value)
    deployed = [product.deploy(trial, ("v1", "v2")[number % 2]) for number in range(ROUNDS)]
    yield Figure(name="deploy with this history", value=_seconds(statistics.median(deployed)))
    yield Figure(name="memory with this history", value=f"{_memory(trial):.0f} MB")


def _copy_rows(database: sqlite3.Connection, table: str, key: str, count: int, where: str) -> None:
    """Add copies of one row of a table under the keys that follow the largest one."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    chosen = ", ".join("last + number" if column == key else column for column in columns)
    database.execute(
        f"WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {count}),"
        f" one AS (SELECT * FROM {table} WHERE {where} LIMIT 1), ends AS (SELECT max({key}) AS last FROM {table})"
        f" INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM one, ends, numbers"
    )


def _newest_receipt(trial: Trial) -> dict[str, float]:
    receipt: dict[str, float] = trial.ask("GET", f"/apps/{APP}/releases?limit=1")[1]["releases"][0]["receipt"]
    return receipt


def _settle(trial: Trial) -> None:
    """Wait until nothing of `hello` is being stopped: that must not be measured with what comes next."""
    deadline, before = time.monotonic() + PATIENCE, -1
    while time.monotonic() < deadline and before != (now := len(trial.containers())):
        before = now
        time.sleep(1.5)


def _wait_alone(trial: Trial) -> None:
    """Wait until only the live instance of `hello` is there. The one before it drains for at least a second first."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and sum(f"-{APP}-" in name for name in trial.containers()) > 1:
        time.sleep(0.1)
    time.sleep(1.5)  # the retirement also removes images


def _memory(trial: Trial, field: str = "VmRSS") -> float:
    """The resident memory of pvdifyd in MB; ``VmHWM`` is its peak."""
    assert trial.process is not None
    lines = Path(f"/proc/{trial.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1000


def _forget_peak(trial: Trial) -> None:
    """Let the peak of pvdifyd's memory begin again with what it has now; proc(5), /proc/pid/clear_refs."""
    assert trial.process is not None
    Path(f"/proc/{trial.process.pid}/clear_refs").write_text("5", encoding="ascii")


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.0f} ms"


def _ratio(value: float, floor: float) -> str:
    return f"{_seconds(value)} = {value / floor:.2f} × floor ({_seconds(floor)})"
