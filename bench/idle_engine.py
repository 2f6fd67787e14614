"""The processor time of the engine alone at rest: apps on the fakes of the tests, records in a real SQLite file.

``python -m bench.idle_engine --before DIRECTORY`` measures this checkout and, in the same minute, another one with a
``.venv`` of its own. It writes bench/idle_engine.md. What podman and the router cost is in ``bench.idle``.
"""

import argparse
import asyncio
import json
import logging
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path

import structlog

from pvdify.adapters.clock.clock import SystemClock
from pvdify.adapters.sqlite.store import SqliteStore
from tests.fakes.machine import Daemon, Machine

RESULTS = Path(__file__).with_name("idle_engine.md")
CHECKOUT = Path(__file__).parents[1]
IMAGE = "reg.example.com/shop:v1"
SETTLES_IN = 75.0  # seconds until every instance is steady


def main() -> None:
    options = _parser().parse_args()
    if options.measure:
        print(json.dumps(asyncio.run(_measured(options.apps, options.seconds))))
        return
    checkouts = {"before": options.before, "after": CHECKOUT}
    running = {name: _begin(checkout, options) for name, checkout in checkouts.items() if checkout is not None}
    found = {name: json.loads(process.communicate()[0]) for name, process in running.items()}
    text = _render(options, found)
    RESULTS.write_text(text, encoding="utf-8")
    print(text)


def _begin(checkout: Path, options: argparse.Namespace) -> "subprocess.Popen[bytes]":
    """Run this file with the code of a checkout, which need not have it."""
    words = ("--measure", "--apps", str(options.apps), "--seconds", str(options.seconds))
    return subprocess.Popen(
        (str(checkout / ".venv" / "bin" / "python"), str(Path(__file__)), *words), cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)}, stdout=subprocess.PIPE,
    )  # fmt: skip


async def _measured(apps: int, seconds: float) -> dict[str, float]:
    """Deploy the apps, let the background work run until it is at rest, and measure it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory:
        machine = Machine(SystemClock(), ports="3001-4999")  # type: ignore[arg-type]
        machine.store = store = SqliteStore(Path(directory) / "pvdify.db")  # type: ignore[assignment]
        await store.open()
        machine.registry.push(IMAGE)
        daemon = machine.daemon()
        for number in range(apps):
            await daemon.deploy(app=f"app{number}", image=IMAGE)
        tasks = [asyncio.create_task(work) for work in _background(daemon)]
        await asyncio.sleep(SETTLES_IN)
        listings, used, begun = _listings(machine), time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        percent = 100 * (time.process_time() - used) / (time.monotonic() - begun)
        listed = _listings(machine) - listings
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.close()
    return {"percent": percent, "listings": listed}


def _background(daemon: Daemon) -> tuple[Coroutine[None, None, None], ...]:
    return (
        daemon.reconciler.keep_router(), daemon.reconciler.run(), daemon.liveness.run(), daemon.reaper.run(),
        daemon.scheduler.run(), daemon.keeper.run(), daemon.service_keeper.run(), daemon.courier.run(),
        daemon.edge.run(), daemon.samples.run(),
    )  # fmt: skip


def _listings(machine: Machine) -> int:
    return [verb for verb, _ in machine.supervisor.calls].count("find")


def _render(options: argparse.Namespace, found: dict[str, dict[str, float]]) -> str:
    rows = [f"| {name} | {it['percent']:.2f} % | {it['listings']:.0f} |" for name, it in found.items()]
    return "\n".join(
        [
            "# The engine at rest",
            "",
            f"`python -m bench.idle_engine --apps {options.apps} --seconds {options.seconds:.0f}` on "
            f"{time.strftime('%Y-%m-%d')}: {platform.system()} {platform.release()},",
            f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}. {options.apps} apps with an instance each,",
            "all on the fakes of the tests; the records are in a real SQLite file. Both rows are from the same minute.",
            "",
            "| | of one core | listings of all containers |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.idle_engine", description=__doc__)
    parser.add_argument("--apps", type=int, default=200, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the measurement (%(default)s)")
    parser.add_argument("--before", type=Path, help="another checkout to measure beside this one")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main()
