"""`make bench-long`: millions of requests over hundreds of changes on a real server; writes bench/long.md.

`make bench-long ARGS="--minutes 5 --changes 50"` is a shorter one.
"""

import argparse
import asyncio
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from bench.changes import Change, Changes
from bench.ledger import Answers, Times, count_times, cut_websockets, logged, recorded
from bench.product import APP, HOSTNAME, Figure
from tests.e2e.trial import Trial
from tests.load import GET, POST, PUT, SLOW, STREAM, Load
from tests.load.shapes import BIG_POST
from tools.demo import stage as stages

RESULTS = Path(__file__).with_name("long.md")
MINUTES, CHANGES = 38.0, 420
IDLE = 0.15  # seconds after which the app closes a silent connection, and clients send their next request
DRAIN = 5  # seconds
MET = {True: "yes", False: "**no**", None: ""}
SETTINGS = ("--keep-access-log", "30G")  # the whole run in one file
MANIFEST = f"""
port: 8080
processes: {{web: {{command: [python3, /app/app.py], count: 2}}}}
volumes: {{record: {{path: /record, shared: true}}}}
drain: {DRAIN}s
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How long, how many changes, and where random choices start."""

    minutes: float
    changes: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that a run counted."""

    options: Options
    seconds: float
    sent: int
    messages: int  # over WebSockets
    answers: Answers
    changes: tuple[Change, ...]
    begun: Times
    logged: Times
    statuses: Counter[int]
    ends: dict[int, str]  # of requests that were logged with another status than 2xx
    receipts: Counter[str]


def main() -> None:
    options = _options()
    with Trial(*SETTINGS) as trial, tempfile.TemporaryDirectory() as directory:
        prepare(trial, Path(directory) / "pvdify.yml")
        outcome = asyncio.run(run(trial, options))
    figures = judge(outcome)
    text = render(outcome, figures)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
    sys.exit(any(figure.is_met is False for figure in figures))


def prepare(trial: Trial, manifest: Path) -> None:
    """Put the first release live: two instances that record on a shared volume which requests they begin."""
    manifest.write_text(MANIFEST, encoding="utf-8")
    for version in ("v1", "v2"):
        trial.push(version, f"KEEP_ALIVE_MS={round(IDLE * 1000)}", "RECORD=/record/requests")
    trial.start()
    trial.pvdify("deploy", APP, "--image", trial.stage.image("v1"), "--manifest", str(manifest))


async def run(trial: Trial, options: Options) -> Outcome:
    """Make all changes, evenly over the time, while clients send requests."""
    maker = Changes(trial, options.seed)
    numbers = count()
    answers, changes = Answers(), list[Change]()
    begun = time.monotonic()
    async with AsyncExitStack() as stack:
        loads = [await stack.enter_async_context(load) for load in _loads(trial.stage.router, numbers)]
        for number in range(options.changes):
            await asyncio.sleep(max(0.2, begun + number * options.minutes * 60 / options.changes - time.monotonic()))
            changes.append(await maker.make())
            answers.take(loads, changes)
            _tell(changes, answers)
        await asyncio.sleep(max(0.0, begun + options.minutes * 60 - time.monotonic()))
        for load in loads:
            await load.stop()
        answers.take(loads, changes)
    seconds, sent = time.monotonic() - begun, next(numbers)
    receipts = await asyncio.to_thread(read_receipts, trial)
    lines = list(logged(trial.stage.data_dir / "router" / "access.log", APP))
    return Outcome(
        options=options, seconds=seconds, sent=sent, answers=answers, changes=tuple(changes), receipts=receipts,
        messages=sum(load.report.websocket_messages for load in loads),
        begun=count_times(recorded(_volume(trial) / "requests"), sent),
        logged=count_times((number for number, _, _ in lines), sent),
        statuses=Counter(status for _, status, _ in lines),
        ends={number: end for number, _, end in lines if end},
    )  # fmt: skip


def read_receipts(trial: Trial) -> Counter[str]:
    """Return the sums over the receipts of all releases, once each is final."""
    sums = Counter[str]()
    newest = trial.settle(APP)["version"]
    deadline = time.monotonic() + DRAIN + 60
    for version in range(1, newest + 1):
        while not (requests := _receipt(trial, version)).get("is_final", True):
            assert time.monotonic() < deadline, f"the receipt of v{version} is not final: {requests}"
            time.sleep(0.5)
        sums.update({name: requests.get(name, 0) for name in ("served", "failed", "app_errors", "cut")})
        sums["releases"] += bool(requests)
    return sums


def judge(it: Outcome) -> list[Figure]:
    """Return the figures that are promised."""
    cut = cut_websockets(it.answers.failures)
    failed = len(it.answers.failures) - cut
    bad = Counter({status: many for status, many in it.statuses.items() if not 200 <= status < 300})
    return [
        _none("requests failed", failed, it.sent),
        _none("requests that the app began twice", len(it.begun.repeated), it.sent),
        _none("requests that were answered, but that no instance began", max(0, len(it.begun.missing) - failed),
              it.sent),
        _none("requests sent after a change had returned that reached a stopped release", it.answers.late, it.sent),
        _none("requests in the router's log more than once, or with another status than 2xx",
              len(it.logged.repeated) + bad.total(), it.sent),
        _none("requests that the router's log does not have", len(it.logged.missing), it.sent),
        _same("failed requests in all receipts, and as clients count", it.receipts["failed"], failed),
        _same("WebSockets cut at the end of `drain` in all receipts, and as clients count", it.receipts["cut"], cut),
    ]  # fmt: skip


def render(it: Outcome, figures: list[Figure]) -> str:
    failed = len(it.answers.failures) - cut_websockets(it.answers.failures)
    bound = f"below {3 / it.sent:.1e} with 95 % confidence (3/n)" if not failed else "not stated: requests failed"
    kinds = Counter(change.kind for change in it.changes)
    took = {kind: [each.returned - each.begun for each in it.changes if each.kind == kind] for kind in kinds}
    return "\n".join(
        [
            "# A long run",
            "",
            f"One `make bench-long` of {it.seconds / 60:.0f} minutes on {time.strftime('%Y-%m-%d')}, seed"
            f" {it.options.seed}: Linux {platform.release()}, {platform.machine()},",
            f"Python {platform.python_version()}, {os.cpu_count()} shared cores, load {os.getloadavg()[0]:.1f} at the"
            " end, with clients, router, app and server all on them.",
            "",
            f"{it.sent:,} requests ({it.sent / it.seconds:.0f}/s) and {it.messages:,} WebSocket messages over"
            f" {len(it.changes)} changes. The slowest answer took {it.answers.slowest:.2f} s.",
            f"Requests lost per request sent: {bound}.",
            f"The receipts of {it.receipts['releases']} releases count {it.receipts['served']:,} requests during their"
            " switches.",
            "",
            "| figure | measured | promised | met |",
            "|---|---|---|---|",
            *(f"| {each.name} | {each.value} | {each.target} | {MET[each.is_met]} |" for each in figures),
            "",
            "| change | how many | median s | longest s |",
            "|---|---|---|---|",
            *(f"| {kind} | {len(took[kind])} | {sorted(took[kind])[len(took[kind]) // 2]:.2f} | {max(took[kind]):.2f} |"
              for kind in sorted(kinds)),
            "",
            *_failures(it),
        ]
    )  # fmt: skip


def _loads(router: str, numbers: Iterator[int]) -> list[Load]:
    """Return fast clients, clients that come back when the app closes their connection, and slow answers."""
    return [
        Load(router, HOSTNAME, clients=36, pause=0.008, mix=(GET, POST, PUT, BIG_POST), version_header="X-Release",
             numbers=numbers),
        Load(router, HOSTNAME, clients=60, pause=IDLE, mix=(GET, POST, PUT), version_header="X-Release",
             numbers=numbers),
        Load(router, HOSTNAME, clients=6, websockets=4, pause=0.05, mix=(SLOW, STREAM), version_header="X-Release",
             numbers=numbers),
    ]  # fmt: skip


def _tell(changes: list[Change], answers: Answers) -> None:
    last = changes[-1]
    print(
        f"{len(changes)} {last.kind} {last.returned - last.begun:.2f} s: {answers.answered:,} answered,"
        f" {answers.late} late, failed {dict(Counter(map(str, answers.failures)))}",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def _receipt(trial: Trial, version: int) -> dict[str, Any]:
    """Return the counts in a release's receipt; empty for one that never switched."""
    release: dict[str, Any] = trial.ask("GET", f"/apps/{APP}/releases/{version}")[1]
    return (release["receipt"] or {}).get("requests") or {}


def _volume(trial: Trial) -> Path:
    """Return where the app's volume is on this machine."""
    argv = ("podman", "volume", "ls", "--filter", f"label=io.pvdify.server={stages.server_id(trial.stage)}",
            "--format", "{{.Mountpoint}}")  # fmt: skip
    (path,) = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split()
    return Path(path)


def _none(name: str, found: int, sent: int) -> Figure:
    return Figure(name=name, value=f"{found:,} of {sent:,}", target="0", is_met=found == 0)


def _same(name: str, found: int, wanted: int) -> Figure:
    return Figure(name=name, value=f"{found:,} and {wanted:,}", target="equal", is_met=found == wanted)


def _failures(it: Outcome) -> list[str]:
    """Return a line for each of the first failed requests: what the app and the router know of it, and when it was."""
    lines = []
    for failure in [each for each in it.answers.failures if each.number is not None][:50]:
        number = failure.number or 0
        near = [f"{each.kind} {failure.failed - each.begun:+.2f} s" for each in it.changes
                if each.begun - 1 < failure.failed < each.returned + DRAIN + 2]  # fmt: skip
        seconds, times = failure.failed - failure.started, it.begun.times[number]
        lines.append(f"- {failure} after {seconds:.2f} s, begun {times} times, {it.ends.get(number, 'not logged')};"
                     f" {', '.join(near)}")  # fmt: skip
    return ["Failed requests:", "", *lines, ""] if lines else []


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="make bench-long ARGS=")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--changes", type=int, default=CHANGES)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    given = parser.parse_args()
    return Options(minutes=given.minutes, changes=given.changes, seed=given.seed)


if __name__ == "__main__":
    main()
